import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { DemoError, run } from './machine.mjs'
import { commandFiles, readCommandFile, repository, stepEnvironment } from './runner.mjs'

/** Lays out a runner's folder: checkout, action, RUNNER_TEMP, files; a copy, readable by every account, as on a runner. */
export function makeJob(folder, busybox) {
  for (const name of ['', 'temp', 'tools', 'action']) fs.mkdirSync(join(folder, name))
  fs.cpSync(join(repository, 'examples/hello'), join(folder, 'workspace'), { recursive: true })
  fs.copyFileSync(busybox, join(folder, 'workspace/busybox'))
  fs.chmodSync(join(folder, 'workspace/busybox'), 0o755)
  for (const name of ['dist', 'action.yml', 'package.json']) {
    fs.cpSync(join(repository, name), join(folder, 'action', name), { recursive: true })
  }
  for (const name of commandFiles) fs.writeFileSync(join(folder, name), '')
  fs.writeFileSync(join(folder, 'event.json'), '{"head_commit":{"timestamp":"2026-11-23T10:00:00Z"}}')
  run('chmod', ['-R', 'a+rX', folder])
}

/** Runs the step as the runner does, main and then post whatever main ended with; its log goes to the terminal. */
export async function runStep(folder, inputs) {
  const env = stepEnvironment(folder, inputs)
  const main = await runEntry(folder, 'main', env)
  const state = Object.entries(readCommandFile(join(folder, 'STATE'))).map(([name, value]) => [`STATE_${name}`, value])
  const post = await runEntry(folder, 'post', { ...env, ...Object.fromEntries(state) })
  for (const { entry, code } of [main, post]) {
    if (code !== 0) throw new DemoError(`dist/${entry}/index.js ended with ${code}: its log above says why`)
  }
  const left = fs.readdirSync(join(folder, 'temp'))
  if (left.length > 0) throw new DemoError(`The step left files in RUNNER_TEMP: ${left.join(', ')}`)
  return { outputs: readCommandFile(join(folder, 'OUTPUT')), mainSeconds: main.seconds, postSeconds: post.seconds }
}

async function runEntry(folder, entry, env) {
  console.log(`\n$ node dist/${entry}/index.js`)
  const started = performance.now()
  const script = join(folder, `action/dist/${entry}/index.js`)
  const child = spawn(process.execPath, [script], {
    cwd: join(folder, 'workspace'),
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  // The terminal sends Ctrl-C to both; a SIGTERM comes here alone. Either way the step ends first, and cleans up.
  const passOn = () => child.kill('SIGTERM')
  process.on('SIGTERM', passOn)
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject).on('exit', (status, signal) => resolve(status ?? signal))
  })
  process.off('SIGTERM', passOn)
  return { entry, code, seconds: (performance.now() - started) / 1000 }
}
