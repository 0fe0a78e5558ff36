import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'

import { DemoError, run } from './machine.mjs'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const commandFiles = ['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY']

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
  fs.writeFileSync(join(folder, 'event.json'), '{}')
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

function stepEnvironment(folder, inputs) {
  const own = Object.entries(process.env).filter(([name]) => !/^(GITHUB|INPUT|STATE|RUNNER)_/.test(name))
  const given = Object.entries({ ...defaultInputs(), ...inputs })
  return {
    ...Object.fromEntries(own),
    ...Object.fromEntries(given.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
    ...Object.fromEntries(commandFiles.map((name) => [`GITHUB_${name}`, join(folder, name)])),
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_EVENT_PATH: join(folder, 'event.json'),
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REPOSITORY: 'acme/hello',
    GITHUB_RUN_ID: '1',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
    GITHUB_WORKSPACE: join(folder, 'workspace'),
    RUNNER_OS: 'Linux',
    RUNNER_TEMP: join(folder, 'temp'),
    RUNNER_TOOL_CACHE: join(folder, 'tools'),
  }
}

/** The defaults in action.yml, which the runner hands over with the rest: each on one line of its own there. */
function defaultInputs() {
  const text = fs.readFileSync(join(repository, 'action.yml'), 'utf8')
  const inputs = {}
  let name
  for (const line of text.slice(text.indexOf('\ninputs:'), text.indexOf('\noutputs:')).split('\n')) {
    name = /^ {2}([\w-]+):$/.exec(line)?.[1] ?? name
    const value = /^ {4}default: (.*)$/.exec(line)?.[1]
    if (value !== undefined) inputs[name] = value.replace(/^'(.*)'$/, '$1')
  }
  return inputs
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

/** Reads what the action wrote for the runner: `name<<END`, lines, `END`. */
function readCommandFile(file) {
  const entries = fs.readFileSync(file, 'utf8').matchAll(/^([^<\n]+)<<(.+)\n([^]*?)\n\2$/gm)
  return Object.fromEntries([...entries].map(([, name, , value]) => [name, value]))
}
