import * as fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const repository = fileURLToPath(new URL('../..', import.meta.url))

/** The files that a step talks back by: GITHUB_OUTPUT and the others. */
export const commandFiles = ['OUTPUT', 'STATE', 'ENV', 'PATH', 'STEP_SUMMARY']

/** The environment of whoever runs this, without what a surrounding step may have put there. */
export function ownEnvironment() {
  const own = Object.entries(process.env).filter(([name]) => !/^(GITHUB|INPUT|STATE|RUNNER)_/.test(name))
  return Object.fromEntries(own)
}

/** What the runner gives a step whose folder was laid out as here, with its inputs over the defaults of action.yml. */
export function stepEnvironment(folder, inputs) {
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

/** The defaults of action.yml, which the runner hands over with the rest; each is on one line of its own there. */
function defaultInputs() {
  const text = fs.readFileSync(join(repository, 'action.yml'), 'utf8')
  const section = text.slice(text.indexOf('\ninputs:'), text.indexOf('\noutputs:'))
  const found = section.matchAll(/^ {2}([\w-]+):\n(?: {4}.*\n| *\n)*? {4}default: (.*)$/gm)
  // Nobody evaluates expressions here.
  const plain = (value) => (value.includes('${{') ? '' : value.replace(/^'(.*)'$/, '$1'))
  return Object.fromEntries([...found].map(([, name, value]) => [name, plain(value)]))
}

/** Reads what the action wrote for the runner: `name<<END`, lines, `END`. */
export function readCommandFile(file) {
  const entries = fs.readFileSync(file, 'utf8').matchAll(/^([^<\n]+)<<(.+)\n([^]*?)\n\2$/gm)
  return Object.fromEntries([...entries].map(([, name, , value]) => [name, value]))
}
