import { spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export const isRoot = process.getuid() === 0

/** What went wrong, in words for whoever runs the demo. */
export class DemoError extends Error {}

/** Runs a program and gives its standard output; when it fails, the error has the last lines that it wrote. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26, ...options })
  if (result.error) throw new DemoError(`${program}: ${result.error.message}`)
  if (result.status !== 0) {
    const said = `${result.stdout}${result.stderr}`.trimEnd().split('\n').slice(-15).join('\n')
    throw new DemoError(`${program} ${args.join(' ')} ended with ${result.status ?? result.signal}:\n${said}`)
  }
  return result.stdout
}

/** The entry of passwd for a name or a uid, or undefined. */
export function findAccount(nameOrUid) {
  const [name, , uid, gid, , home] = (spawnSync('getent', ['passwd', nameOrUid], { encoding: 'utf8' }).stdout ?? '')
    .trim()
    .split(':')
  return home === undefined ? undefined : { name, uid: Number(uid), gid: Number(gid), home }
}

/**
 * Unpacks Debian packages into a new folder: fetched by apt, which checks their signatures, but not installed, so that
 * no service of theirs starts and nothing stays.
 */
export function unpackPackages(names, folder) {
  if (spawnSync('apt-get', ['--version']).error)
    throw new DemoError('This demo needs Debian or Ubuntu: apt-get is not here')
  fs.mkdirSync(folder)
  // Root's apt would fetch as an account that can't write here, and warn.
  const fetchAll = ['download', '--quiet', '-o', 'APT::Sandbox::User=root', ...names]
  try {
    run('apt-get', fetchAll, { cwd: folder })
  } catch {
    // A fresh machine has no package lists, an old one has lists of packages that are gone.
    updateLists()
    run('apt-get', fetchAll, { cwd: folder })
  }
  for (const file of fs.readdirSync(folder)) run('dpkg-deb', ['--extract', file, '.'], { cwd: folder })
}

function updateLists() {
  if (isRoot) run('apt-get', ['update', '--quiet'])
  else if (spawnSync('sudo', ['-n', 'true']).status === 0) run('sudo', ['-n', 'apt-get', 'update', '--quiet'])
  else
    throw new DemoError(
      'The package lists are missing or old, and sudo is missing or asks for a password. As root: apt-get update',
    )
}

/**
 * Starts a docker-registry on loopback, with its storage in a new folder.
 * @param {{name?: string, port?: number}} address by default, 127.0.0.1 and a free port
 */
export async function startRegistry(program, folder, { name = '127.0.0.1', port } = {}) {
  const host = `${name}:${port ?? (await freePort())}`
  const storage = { filesystem: { rootdirectory: join(folder, 'storage') } }
  fs.mkdirSync(folder)
  // JSON is YAML.
  const configuration = { version: 0.1, log: { level: 'error' }, storage, http: { addr: host } }
  fs.writeFileSync(join(folder, 'config.yml'), JSON.stringify(configuration))
  const log = fs.openSync(join(folder, 'log'), 'w')
  const child = spawn(program, ['serve', join(folder, 'config.yml')], { stdio: ['ignore', log, log], detached: true })
  for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
    const answers = await fetch(`http://${host}/v2/`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (answers) return { host, stop: () => child.kill('SIGKILL') }
    await sleep(50)
  }
  child.kill('SIGKILL')
  throw new DemoError(`The registry does not start; its log:\n${fs.readFileSync(join(folder, 'log'), 'utf8')}`)
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}
