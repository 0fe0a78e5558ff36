import * as fs from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { DemoError } from '../demo/machine.mjs'
import { ownEnvironment } from '../demo/runner.mjs'
import { provideBuildkit, startBuildkit, whyNoBuildkit } from './cache-buildkit.mjs'
import { trafficOf } from './cache-registry.mjs'
import { keysFor, startService, transfer } from './cache-service.mjs'
import { runWell } from './child.mjs'

/**
 * Docker's builder with its cache in a folder, which actions/cache moves. Each build writes a new folder that takes the
 * place of the old one, since one that is written to again only ever grows.
 * @returns {import('./cache.mjs').Arm}
 */
export function buildxArm(workspace) {
  return armOf({ id: 'buildx', title: 'Docker Buildx, `type=local`', workspace }, async (round, folder) => {
    fs.mkdirSync(join(round.folder, 'buildx'))
    const service = await startService(join(round.folder, 'buildx/service'))
    const cache = join(folder, 'cache')
    const paths = [cache]
    return {
      async run(build, phase) {
        fs.rmSync(cache, { recursive: true, force: true })
        const started = performance.now()
        const { key, restoreKeys } = keysFor(phase)
        const found = await transfer(folder, service, { save: false, paths, key, restoreKeys })
        const restored = secondsSince(started)
        const fresh = join(folder, 'cache-new')
        const from = found === undefined ? [] : ['--cache-from', `type=local,src=${cache}`]
        const pushed = await build([...from, '--cache-to', `type=local,dest=${fresh},mode=max`])
        fs.rmSync(cache, { recursive: true, force: true })
        fs.renameSync(fresh, cache)
        if (found !== key) await transfer(folder, service, { save: true, paths, key })
        return { pushed: restored + pushed, ended: secondsSince(started), ...service.takeTraffic() }
      },
      close: () => service.stop(),
    }
  })
}

/**
 * Docker's builder with its cache in the registry that the image is pushed to.
 * @returns {import('./cache.mjs').Arm}
 */
export function buildxRegistryArm(workspace) {
  const id = 'buildx-registry'
  return armOf({ id, title: 'Docker Buildx, `type=registry`', workspace }, (round) => {
    const place = `type=registry,ref=${round.host}/bench/${id}-cache:1`
    const takeTraffic = trafficOf(round, `bench/${id}-cache`)
    return {
      async run(build, phase) {
        const started = performance.now()
        const from = phase === 'cold' ? [] : ['--cache-from', place]
        const pushed = await build([...from, '--cache-to', `${place},mode=max`])
        return { pushed, ended: secondsSince(started), ...takeTraffic() }
      },
      close: () => Promise.resolve(),
    }
  })
}

/**
 * The daemon is there before the clock starts, with nothing in it: what a job waits for it isn't counted.
 * @param {(round: import('./cache.mjs').Round, folder: string) => object} openCache gives `run`, which is handed a build
 * that takes the flags of the cache and gives the seconds to the pushed image
 */
function armOf({ id, title, workspace }, openCache) {
  let programs
  return {
    id,
    title,
    phases: ['cold', 'same', 'changed'],
    whyNot: whyNoBuildkit,
    async open(round) {
      const folder = round.machine
      programs ??= provideBuildkit(round.packages)
      const cache = await openCache(round, folder)
      return {
        async run(phase) {
          const daemon = await startBuildkit(programs, join(folder, 'daemon'), round.host)
          try {
            const builder = await addBuilder({ folder, programs }, daemon.address)
            const argv = [programs.buildx, 'build', ...builder.words, '--provenance=false', '--progress=plain']
            const image = ['--tag', round.reference(id), '--push']
            const build = async (flags) =>
              secondsToPush((await runWell([...argv, ...image, ...flags, workspace], builder.options)).lines)
            return await cache.run(build, phase)
          } finally {
            await daemon.stop()
          }
        },
        close: cache.close,
      }
    },
  }
}

const secondsSince = (started) => (performance.now() - started) / 1000

/** A builder of that daemon, in a configuration of its own. @returns the words that choose it, and the options of runs */
export async function addBuilder({ folder, programs }, address) {
  const config = join(folder, 'config')
  fs.rmSync(config, { recursive: true, force: true })
  const options = { cwd: folder, env: { ...ownEnvironment(), BUILDX_CONFIG: config } }
  await runWell([programs.buildx, 'create', '--name', 'bench', '--driver', 'remote', address], options)
  return { options, words: ['--builder', 'bench'] }
}

/** The image is pushed first, and the cache written after that. */
export function secondsToPush(lines) {
  const line = lines.findLast(({ text }) => /pushing manifest for \S+.* done$/.test(text))
  if (line === undefined) throw new DemoError('The log of the build does not say when the image was pushed')
  return line.seconds
}
