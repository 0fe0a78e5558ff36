import * as fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { DemoError, run } from '../demo/machine.mjs'
import { failure, runChild } from './child.mjs'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const commandFiles = ['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY']
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
  fs.writeFileSync(join(folder, 'event.json'), '{}')
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

/** The environment of whoever runs this, without what a surrounding step may have put there. */
export function ownEnvironment() {
  const own = Object.entries(process.env).filter(([name]) => !/^(GITHUB|INPUT|STATE|RUNNER)_/.test(name))
  return Object.fromEntries(own)
}

function stepEnvironment(folder, inputs) {
  const given = Object.entries({ ...defaultInputs(), ...inputs })
  return {
    ...ownEnvironment(),
    ...Object.fromEntries(given.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
    ...Object.fromEntries(commandFiles.map((name) => [`GITHUB_${name}`, join(folder, name)])),
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_EVENT_NAME: 'push',
    GITHUB_EVENT_PATH: join(folder, 'event.json'),
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REPOSITORY: 'acme/web',
    GITHUB_RUN_ID: '1',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
    GITHUB_WORKSPACE: join(folder, 'workspace'),
    RUNNER_OS: 'Linux',
    RUNNER_TEMP: join(folder, 'temp'),
    RUNNER_TOOL_CACHE: join(folder, 'tools'),
  }
}

/** The defaults of action.yml, which the runner hands over with the rest; each is on one line of its own there. */
function defaultInputs() {
  const text = fs.readFileSync(join(repository, 'action.yml'), 'utf8')
  const section = text.slice(text.indexOf('\ninputs:'), text.indexOf('\noutputs:'))
  const found = section.matchAll(/^ {2}([\w-]+):\n(?: {4}.*\n| *\n)*? {4}default: (.*)$/gm)
  return Object.fromEntries([...found].map(([, name, value]) => [name, value.replace(/^'(.*)'$/, '$1')]))
}

/** What the action wrote for the runner: `name<<END`, lines, `END`. */
function readCommandFile(file) {
  const entries = fs.readFileSync(file, 'utf8').matchAll(/^([^<\n]+)<<(.+)\n([^]*?)\n\2$/gm)
  return Object.fromEntries([...entries].map(([, name, , value]) => [name, value]))
}
