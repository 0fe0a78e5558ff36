import * as fs from 'node:fs'
import { join } from 'node:path'

import { bareBuildah } from './cache-bare.mjs'

/** The first minor version of Buildah 1 that has it. */
const since = 27
const repository = 'bench/registry-cache'

/**
 * Buildah's own cache, in a repository of the registry that the image is pushed to: each step is pushed there, and
 * pulled from there before it would run.
 * @param {() => object} example the last build of the action without its cache
 * @returns {import('./cache.mjs').Arm}
 */
export function registryArm(example) {
  return {
    id: 'registry',
    title: 'Buildah’s own `--cache-from`, `--cache-to`',
    phases: ['cold', 'same', 'changed'],
    whyNot: () => whyNone(example().engine.version),
    async open(round) {
      const buildah = bareBuildah(join(round.machine, 'own'), example(), round.reference('registry'))
      const takeTraffic = readAccessLog(round.registryFolder, repository)
      const place = `${round.host}/${repository}`
      return {
        async run() {
          await buildah.remove()
          buildah.make()
          const build = await buildah.build(['--cache-from', place, '--cache-to', place])
          const push = await buildah.push()
          const seconds = build.seconds + push.seconds
          return { pushed: seconds, ended: seconds, ...takeTraffic() }
        },
        close: () => buildah.remove(),
      }
    },
  }
}

function whyNone(version) {
  const [major, minor] = version.split('.').map(Number)
  return major === 1 && minor < since ? `Buildah ${version} has none` : undefined
}

const entry = /"(\w+) \/v2\/(\S+) HTTP\/[\d.]+" (\d+) (\d+)/

/**
 * What the access log of a docker-registry says of one of its repositories.
 * @param {string} folder that `startRegistry` was given
 * @returns {() => {up: number, down: number, calls: number}} what has come since the last call
 */
export function readAccessLog(folder, name) {
  let read = 0
  return () => {
    const lines = fs.readFileSync(join(folder, 'log'), 'utf8').split('\n').slice(0, -1)
    const requests = lines.slice(read).map((line) => entry.exec(line))
    read = lines.length
    const own = requests.filter((request) => request?.[2].startsWith(`${name}/`))
    const downloads = own.filter(([, method, , status]) => method === 'GET' && status === '200')
    const uploads = own.filter(([, method, , status]) => method === 'PUT' && status === '201')
    return {
      up: uploads.reduce((sum, [, , path]) => sum + uploadedBytes(folder, name, path), 0),
      down: downloads.reduce((sum, [, , , , bytes]) => sum + Number(bytes), 0),
      calls: own.length,
    }
  }
}

/** The log has no sizes of what came up; the storage has them. */
function uploadedBytes(folder, name, path) {
  const versions = join(folder, 'storage/docker/registry/v2')
  const tag = /\/manifests\/([^/]+)$/.exec(path)?.[1]
  const link = join(versions, 'repositories', name, '_manifests/tags', tag ?? '', 'current/link')
  const digest = tag === undefined ? /digest=sha256%3A([0-9a-f]{64})/.exec(path)?.[1] : readDigest(link)
  return fs.statSync(join(versions, 'blobs/sha256', digest.slice(0, 2), digest, 'data')).size
}

function readDigest(link) {
  return fs.readFileSync(link, 'utf8').trim().replace('sha256:', '')
}
