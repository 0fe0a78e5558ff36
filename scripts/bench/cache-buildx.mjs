import * as fs from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { DemoError } from '../demo/machine.mjs'
import { ownEnvironment } from '../demo/runner.mjs'
import { provideBuildkit, startBuildkit, whyNoBuildkit } from './cache-buildkit.mjs'
import { keysFor, startService, transfer } from './cache-service.mjs'
import { runWell } from './child.mjs'

/**
 * Docker's builder with its cache in a folder, which actions/cache moves. The daemon is there before the clock starts,
 * with nothing in it: what a job waits for it isn't counted. Each build writes a new folder that takes the place of the
 * old one, since one that is written to again only ever grows.
 * @returns {import('./cache.mjs').Arm}
 */
export function buildxArm(workspace) {
  let programs
  return {
    id: 'buildx',
    title: 'Docker Buildx, `type=local`',
    phases: ['cold', 'same', 'changed'],
    whyNot: whyNoBuildkit,
    async open(round) {
      const folder = round.machine
      fs.mkdirSync(join(round.folder, 'buildx'))
      programs ??= provideBuildkit()
      const service = await startService(join(round.folder, 'buildx/service'))
      const job = { folder, service, programs, workspace, cache: join(folder, 'cache') }
      return {
        async run(phase) {
          fs.rmSync(job.cache, { recursive: true, force: true })
          const daemon = await startBuildkit(programs.buildkitd, join(folder, 'daemon'), round.host)
          try {
            const builder = await addBuilder(job, daemon.address)
            return { ...(await runOnce(job, builder, round.reference('buildx'), phase)), ...service.takeTraffic() }
          } finally {
            await daemon.stop()
          }
        },
        close: () => service.stop(),
      }
    },
  }
}

/** A builder of that daemon, in a configuration of its own. @returns the words that choose it, and the options of runs */
export async function addBuilder({ folder, programs }, address) {
  const config = join(folder, 'config')
  fs.rmSync(config, { recursive: true, force: true })
  const options = { cwd: folder, env: { ...ownEnvironment(), BUILDX_CONFIG: config } }
  await runWell([programs.buildx, 'create', '--name', 'bench', '--driver', 'remote', address], options)
  return { options, words: ['--builder', 'bench'] }
}

async function runOnce(job, builder, reference, phase) {
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 1000
  const { key, restoreKeys } = keysFor(phase)
  const paths = [job.cache]
  const found = await transfer(job.folder, job.service, { save: false, paths, key, restoreKeys })
  const restored = elapsed()
  const fresh = join(job.folder, 'cache-new')
  const from = found === undefined ? [] : ['--cache-from', `type=local,src=${job.cache}`]
  const caches = [...from, '--cache-to', `type=local,dest=${fresh},mode=max`]
  const words = [...builder.words, '--provenance=false', '--progress=plain', '--tag', reference, '--push', ...caches]
  const { lines } = await runWell([job.programs.buildx, 'build', ...words, job.workspace], builder.options)
  fs.rmSync(job.cache, { recursive: true, force: true })
  fs.renameSync(fresh, job.cache)
  if (found !== key) await transfer(job.folder, job.service, { save: true, paths, key })
  return { pushed: restored + secondsToPush(lines), ended: elapsed() }
}

/** The image is pushed first, and the cache written after that. */
export function secondsToPush(lines) {
  const line = lines.findLast(({ text }) => /pushing manifest for \S+.* done$/.test(text))
  if (line === undefined) throw new DemoError('The log of the build does not say when the image was pushed')
  return line.seconds
}
