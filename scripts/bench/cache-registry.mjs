import { join } from 'node:path'

import { bareBuildah } from './cache-bare.mjs'

/** The first minor version of Buildah 1 that has it. */
const since = 27
const repository = 'bench/registry-cache'

/** Repositories of caches, in paths of the registry's interface: what all rows of a registry have at a distance. */
export const cacheRepositories = /^\/v2\/bench\/[^/]+-cache\//

/**
 * What has gone to the cache of an arm and come from it.
 * @param {import('./cache.mjs').Round} round
 * @param {string} name of its repository
 * @returns {() => {up: number, down: number, calls: number}} since the last call
 */
export function trafficOf(round, name) {
  const paths = new RegExp(`^/v2/${name}/`)
  return () => {
    const { up, down, requests } = round.proxy.takeTraffic(paths)
    return { up, down, calls: requests }
  }
}

/**
 * Buildah's own cache, in a repository of the registry that the image is pushed to: each step is pushed there, and
 * pulled from there before it would run.
 * @param {() => object} example the last build of the action without its cache
 * @returns {import('./cache.mjs').Arm}
 */
export function registryArm(example) {
  return {
    id: 'registry',
    title: "Buildah's own `--cache-from`, `--cache-to`",
    phases: ['cold', 'same', 'changed'],
    whyNot: () => whyNone(example().engine.version),
    async open(round) {
      const buildah = bareBuildah(join(round.machine, 'own'), example(), round.reference('registry'))
      const takeTraffic = trafficOf(round, repository)
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
