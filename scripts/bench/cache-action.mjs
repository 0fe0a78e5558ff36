import * as fs from 'node:fs'
import { join } from 'node:path'

import { DemoError } from '../demo/machine.mjs'
import { commandFiles, readCommandFile, stepEnvironment } from '../demo/runner.mjs'
import { failure, runChild } from './child.mjs'
import { startService } from './cache-service.mjs'
import { buildCommand, parseEngine } from './step-log.mjs'
import { forgetMachine } from './step.mjs'

let runId = 0

/**
 * Runs the step as the runner does where a cache service is at hand: main, and then post whatever main ended with. Each
 * is a run of its own, with the number that only it has.
 * @param {string} folder laid out by `makeJob`
 * @param {Record<string, string>} own variables that differ from a new machine's
 */
export async function runCachedStep(folder, inputs, service, own = {}) {
  runId += 1
  const run = { GITHUB_RUN_ID: String(runId), GITHUB_RUN_NUMBER: String(runId), GITHUB_RUN_ATTEMPT: '1' }
  const env = { ...stepEnvironment(folder, inputs), ...run, ...service.environment, ...own }
  for (const name of commandFiles) fs.writeFileSync(join(folder, name), '')
  const main = await runEntry(folder, 'main', env)
  const state = Object.entries(readCommandFile(join(folder, 'STATE'))).map(([name, value]) => [`STATE_${name}`, value])
  const post = await runEntry(folder, 'post', { ...env, ...Object.fromEntries(state) })
  for (const [entry, result] of Object.entries({ main, post }))
    if (result.code !== 0) throw failure([`dist/${entry}/index.js`], result)
  const left = fs.readdirSync(join(folder, 'temp'))
  if (left.length > 0 && env.RUNNER_ENVIRONMENT !== 'github-hosted')
    throw new DemoError(`The step left files in RUNNER_TEMP: ${left.join(', ')}`)
  return { main, post, outputs: readCommandFile(join(folder, 'OUTPUT')) }
}

function runEntry(folder, entry, env) {
  const script = join(folder, `action/dist/${entry}/index.js`)
  return runChild([process.execPath, script], { cwd: join(folder, 'workspace'), env })
}

/** @typedef {(round: import('./cache.mjs').Round) => () => {up: number, down: number, calls: number}} Traffic */

/**
 * The action itself, with one setting of its input `cache`.
 * @param {string} job folder laid out by `makeJob`
 * @param {{id: string, title: string, cache: string, phases: string[], unchanged?: string, traffic?: Traffic, isKept?: boolean, skeletons?: string}} how
 * `traffic`: where what went to the cache is read, if not from a cache service; `isKept`: the machine keeps its tool cache
 * @returns {import('./cache.mjs').Arm & {lastBuild: () => object}} `lastBuild`: the command line of its last build
 */
export function actionArm(
  job,
  { id, title, cache, phases, unchanged = 'build', traffic, isKept = false, skeletons = 'auto' },
) {
  let build
  return {
    id,
    title,
    phases,
    lastBuild: () => build,
    async open(round) {
      const service = await startService(join(round.folder, id))
      const reference = round.reference(id)
      const takeTraffic = traffic?.(round) ?? (() => service.takeTraffic())
      const inputs = { tags: reference, push: 'true', 'tls-verify': 'false', cache, unchanged, skeletons }
      const own = isKept ? { RUNNER_TOOL_CACHE: makeToolCache(round.folder) } : { RUNNER_ENVIRONMENT: 'github-hosted' }
      return {
        async run() {
          forgetMachine(job)
          const { main, post, outputs } = await runCachedStep(job, inputs, service, own)
          if (outputs.built === 'true') {
            const engine = parseEngine(main.lines)
            build = { argv: buildCommand(main.lines), account: engine.account, reference, engine }
          }
          const times = { pushed: main.seconds, ended: main.seconds + post.seconds }
          return {
            ...times,
            ...takeTraffic(),
            hit: outputs['cache-hit'],
            stats: outputs['cache-stats'],
            built: outputs.built,
          }
        },
        close: () => service.stop(),
      }
    },
  }
}

function makeToolCache(folder) {
  const path = join(folder, 'kept-tools')
  fs.mkdirSync(path, { recursive: true })
  return path
}
