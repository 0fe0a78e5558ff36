import * as fs from 'node:fs'
import { join } from 'node:path'

import { runCachedStep } from './cache-action.mjs'
import { provideBuildkit, startBuildkit, whyNoBuildkit } from './cache-buildkit.mjs'
import { startService } from './cache-service.mjs'
import { forgetMachine } from './step.mjs'

/**
 * The action with Docker as its engine: Buildx with a BuildKit daemon that is there before the clock starts, with
 * nothing in it, by the driver `remote`.
 * @param {string} job folder laid out by `makeJob`
 * @returns {import('./cache.mjs').Arm}
 */
export function dockerActionArm(job) {
  let programs
  return {
    id: 'docker',
    title: 'this action, Docker',
    phases: ['cold', 'same', 'changed'],
    whyNot: whyNoBuildkit,
    async open(round) {
      fs.mkdirSync(join(round.folder, 'docker'))
      programs ??= provideBuildkit(round.packages)
      const service = await startService(join(round.folder, 'docker/service'))
      return {
        async run() {
          forgetMachine(job)
          const daemon = await startBuildkit(programs, join(round.machine, 'daemon'), round.host)
          try {
            const environment = {
              ...service.environment,
              ...addBuilder(round.machine, programs.buildx, daemon.address),
            }
            const inputs = {
              tags: round.reference('docker'),
              push: 'true',
              'tls-verify': 'false',
              engine: 'docker',
              unchanged: 'build',
            }
            const { main, post, outputs } = await runCachedStep(job, inputs, { environment })
            const times = { pushed: secondsToPush(main), ended: main.seconds + post.seconds }
            return { ...times, ...service.takeTraffic(), hit: outputs['cache-hit'], stats: outputs['cache-stats'] }
          } finally {
            await daemon.stop()
          }
        },
        close: () => service.stop(),
      }
    },
  }
}

/** A configuration of the client with the plugin and a builder. @returns the variables that name them */
function addBuilder(folder, buildx, address) {
  const config = join(folder, 'docker-config')
  fs.rmSync(config, { recursive: true, force: true })
  for (const name of ['cli-plugins', 'buildx/instances']) fs.mkdirSync(join(config, name), { recursive: true })
  fs.symlinkSync(buildx, join(config, 'cli-plugins/docker-buildx'))
  const nodes = [{ Name: 'bench0', Endpoint: address, Platforms: null, DriverOpts: null, Flags: null, Files: null }]
  const builder = { Name: 'bench', Driver: 'remote', Nodes: nodes, Dynamic: false }
  fs.writeFileSync(join(config, 'buildx/instances/bench'), JSON.stringify(builder))
  return { DOCKER_CONFIG: config, BUILDX_BUILDER: 'bench' }
}

/** The steps are given out for the cache behind the push, and that belongs to main as well. */
function secondsToPush({ lines, seconds }) {
  return lines.findLast(({ text }) => text.startsWith('Pushed '))?.seconds ?? seconds
}
