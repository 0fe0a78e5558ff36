import * as fs from 'node:fs'
import { join } from 'node:path'

import { DemoError, run } from '../demo/machine.mjs'
import { commandFiles, readCommandFile, repository, stepEnvironment } from '../demo/runner.mjs'
import { failure, runChild } from './child.mjs'

const wholeAction = ['dist', 'action.yml', 'package.json']

/**
 * Lays out a runner's folder, in which any number of steps may run one after the other.
 * @param {Record<string, string>} files of the checkout, path → content
 * @param action what of the repository is there as the action
 */
export function makeJob(folder, files, action = wholeAction) {
  for (const name of ['', 'temp', 'tools', 'workspace', 'action']) fs.mkdirSync(join(folder, name))
  for (const name of action) fs.cpSync(join(repository, name), join(folder, 'action', name), { recursive: true })
  for (const [path, content] of Object.entries(files)) fs.writeFileSync(join(folder, 'workspace', path), content)
  fs.writeFileSync(join(folder, 'event.json'), '{"head_commit":{"timestamp":"2026-11-23T10:00:00Z"}}')
  // The account that builds need not be the one that runs this.
  run('chmod', ['-R', 'a+rX', folder])
}

/** Makes the job's machine one that has never seen the action. */
export function forgetMachine(folder) {
  fs.rmSync(join(folder, 'tools'), { recursive: true, force: true })
  fs.mkdirSync(join(folder, 'tools'))
}

/**
 * Runs the step as the runner does: main, and then post whatever main ended with.
 * @returns what `runChild` gives, of each
 * @throws DemoError when main ends with another code than `expected`, post fails, or RUNNER_TEMP isn't empty then
 */
export async function runStep(folder, inputs, expected = 0) {
  const main = await runMain(folder, inputs)
  const state = Object.entries(readCommandFile(join(folder, 'STATE'))).map(([name, value]) => [`STATE_${name}`, value])
  const post = await runEntry(folder, 'post', { ...stepEnvironment(folder, inputs), ...Object.fromEntries(state) })
  if (main.code !== expected) throw failure(['dist/main/index.js'], main)
  if (post.code !== 0) throw failure(['dist/post/index.js'], post)
  const left = fs.readdirSync(join(folder, 'temp'))
  if (left.length > 0) throw new DemoError(`The step left files in RUNNER_TEMP: ${left.join(', ')}`)
  return { main, post }
}

/** Runs main alone, for steps that end before they have made anything. */
export function runMain(folder, inputs) {
  for (const name of commandFiles) fs.writeFileSync(join(folder, name), '')
  return runEntry(folder, 'main', stepEnvironment(folder, inputs))
}

function runEntry(folder, entry, env) {
  const script = join(folder, `action/dist/${entry}/index.js`)
  return runChild([process.execPath, script], { cwd: join(folder, 'workspace'), env })
}
