import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { DemoError } from '../demo/machine.mjs'
import { runCachedStep } from './cache-action.mjs'
import { forgetMachine, makeJob } from './step.mjs'

const isArm = process.arch === 'arm64'
export const own = isArm ? 'linux/arm64' : 'linux/amd64'
export const other = isArm ? 'linux/amd64' : 'linux/arm64'

const busybox = '/bin/busybox'

/**
 * Programs that PATH begins with: the Buildah that is released with the action, since older ones build such Dockerfiles
 * wrongly, built with Go where it is missing.
 */
export function makeTools(folder) {
  if (!fs.existsSync(busybox)) throw new DemoError(`${busybox} is missing: apt-get install busybox-static`)
  const script = fileURLToPath(new URL('../static-buildah.sh', import.meta.url))
  const options = { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' }
  const built = execFileSync('bash', [script], options).trim()
  const tools = join(folder, 'bin')
  fs.mkdirSync(tools)
  fs.copyFileSync(join(built, 'bin/buildah'), join(tools, 'buildah'))
  return tools
}

/** The name of a folder for what has this name. */
export const folderOf = (name) => name.replaceAll(/[ ,]+/g, '-')

/**
 * A step with a folder of its own.
 * @param {{folder: string, tools: string, host: string}} place
 * @param {Record<string, string>} files of the checkout beside busybox
 */
export function stepOf({ folder, tools, host }, name, files, inputs) {
  const id = folderOf(name)
  const job = join(folder, id)
  makeJob(job, files)
  fs.copyFileSync(busybox, join(job, 'workspace/busybox'))
  const given = { tags: `${host}/bench/${id}:1`, push: 'true', 'tls-verify': 'false', engine: 'buildah', ...inputs }
  const service = { environment: { PATH: `${tools}:${process.env.PATH}` } }
  let lines = []
  return {
    job,
    lines: () => lines,
    async run(more = {}) {
      forgetMachine(job)
      const result = await runCachedStep(job, { ...given, ...more }, service)
      lines = result.main.lines
      return result
    },
  }
}
