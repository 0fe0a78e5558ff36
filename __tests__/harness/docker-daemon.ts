import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { accountFor, testsAreRoot } from './account.js'
import { run } from './command.js'
import { makeFolder } from './folders.js'
import { provide } from './provide.js'
import type { StepOptions } from './runner.js'

const daemonProgram = '/usr/sbin/dockerd'
const clientProgram = '/usr/bin/docker'

/** Programs that Go builds for the tests. */
export interface Buildkit {
  readonly buildx: string
  readonly buildkitd: string
}

// What the tests of this file have asked for.
let buildkit: Buildkit | undefined

/** The two ways in which Docker builds; see src/engine/docker/builder.ts. */
export type DockerWay = 'buildx' | 'buildx-docker'

/** Why there is no daemon of Docker here, if there is none. */
export function daemonReason(): string | undefined {
  if (!testsAreRoot) return "Docker's daemon has to be started by root"
  return existsSync(daemonProgram) && existsSync(clientProgram)
    ? undefined
    : 'no docker.io here: bash scripts/test.sh installs it'
}

/** Why nothing can be built with Docker here, if it can't. */
export function dockerReason(): string | undefined {
  const reason = daemonReason()
  if (reason !== undefined) return reason
  const [buildx, buildkitd] = [provide('from-go.sh', 'buildx', '0.38.2'), provide('from-go.sh', 'buildkitd', '0.34.2')]
  if ('missing' in buildx) return buildx.missing
  if ('missing' in buildkitd) return buildkitd.missing
  buildkit = { buildx: join(buildx.folder, 'bin/buildx'), buildkitd: join(buildkitd.folder, 'bin/buildkitd') }
  return undefined
}

/** A daemon of Docker, and one of BuildKit where a test needs it, with storages of their own. */
export interface DockerPlace {
  /** For DOCKER_HOST. */
  readonly host: string
  /** Environment of a step that is to build in this way; 'none' is a client without Buildx. */
  environment(mode: DockerWay | 'none'): NonNullable<StepOptions['env']>
  /** Path of the plugin Buildx. */
  readonly plugin: string
  /** Runs the client. @returns what it prints */
  run(...args: readonly string[]): Promise<string>
  /** Puts an image into the daemon under a name. @param source as skopeo has it */
  load(source: string, name: string): Promise<void>
  /** Starts BuildKit's, where `dockerReason` was asked about it. */
  startBuildkit(): Promise<void>
  /** A machine that nobody has used: the storages are empty again. */
  renew(): Promise<void>
  stop(): Promise<void>
}

/** Starts Docker's daemon, and waits until it answers. @param settings of its daemon.json */
export async function startDocker(settings: object = {}): Promise<DockerPlace> {
  const folder = makeFolder('docker')
  chmodSync(folder, 0o711)
  const [socket, buildkitSocket] = [join(folder, 'docker.sock'), join(folder, 'buildkit.sock')]
  const host = `unix://${socket}`
  // Debian's client: another may stand before it on PATH, without a builder of its own.
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  symlinkSync(clientProgram, join(bin, 'docker'))
  const withBuildx = join(folder, 'with-buildx')
  const daemons: Daemon[] = [await startDockerd(folder, socket, settings)]
  const startBuildkit = async () => {
    if (buildkit === undefined) return
    configureBuilder(withBuildx, buildkit, 'own', [buildkitSocket])
    daemons.push(await startBuildkitd(buildkit, buildkitSocket))
  }
  return {
    host,
    run: async (...args) => (await run(clientProgram, ['--host', host, ...args])).toString(),
    load: async (source, name) => {
      const from = source.startsWith('docker://') ? ['--src-tls-verify=false'] : []
      await run('skopeo', ['copy', '--quiet', ...from, '--dest-daemon-host', host, source, `docker-daemon:${name}`])
    },
    environment: (mode) => ({
      PATH: `${bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      DOCKER_HOST: host,
      ...(mode !== 'none' && { DOCKER_CONFIG: withBuildx }),
      ...(mode === 'buildx' && { BUILDX_BUILDER: 'own' }),
    }),
    plugin: join(withBuildx, 'cli-plugins/docker-buildx'),
    startBuildkit,
    async renew() {
      await stopAll(daemons)
      daemons.push(await startDockerd(folder, socket, settings))
      await startBuildkit()
    },
    stop: () => stopAll(daemons),
  }
}

export type Daemon = ChildProcess

async function startDockerd(folder: string, socket: string, settings: object): Promise<Daemon> {
  const state = makeFolder('docker-state')
  writeFileSync(join(folder, 'daemon.json'), JSON.stringify(settings))
  const places = [
    '--data-root',
    join(state, 'data'),
    '--exec-root',
    join(state, 'exec'),
    '--pidfile',
    join(state, 'pid'),
  ]
  const options = ['--iptables=false', '--ip6tables=false', '--config-file', join(folder, 'daemon.json')]
  return await startDaemon([daemonProgram, '--host', `unix://${socket}`, ...places, ...options], socket, state)
}

async function startBuildkitd({ buildkitd }: Buildkit, socket: string): Promise<Daemon> {
  const state = makeFolder('buildkit-state')
  const worker = ['--oci-worker=true', '--containerd-worker=false', '--oci-worker-snapshotter=overlayfs']
  const places = ['--root', join(state, 'data'), '--otel-socket-path', join(state, 'otel.sock')]
  const options = ['--oci-worker-net=host', ...places, '--addr', `unix://${socket}`]
  return await startDaemon([buildkitd, ...worker, ...options], socket, state)
}

/** Starts it with a log in its folder, and waits until its socket is there, which the account may use. */
export async function startDaemon(argv: readonly string[], socket: string, state: string): Promise<Daemon> {
  const log = join(state, 'log')
  rmSync(socket, { force: true })
  // Tests that are killed take their daemons with them.
  const child = spawn('bash', ['-c', 'exec setpriv --pdeathsig TERM "$@" > "$0" 2>&1', log, ...argv], {
    stdio: 'ignore',
  })
  await untilThere(socket, log, child)
  chownSync(socket, 0, accountFor('user').gid)
  chmodSync(socket, 0o660)
  return child
}

export async function stopAll(daemons: Daemon[]): Promise<void> {
  await Promise.all(daemons.splice(0).map(stop))
}

async function untilThere(socket: string, log: string, child: Daemon): Promise<void> {
  for (let tries = 0; tries < 1200 && child.exitCode === null; tries += 1) {
    if (existsSync(socket)) return
    await sleep(100)
  }
  throw new Error(`No daemon at ${socket}; its log:\n${readFileSync(log, 'utf8')}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await Promise.race([ended, sleep(15_000, undefined, { ref: false })])
  child.kill('SIGKILL')
  await ended
}

/** The programs that `dockerReason` has found. */
export function buildkitPrograms(): Buildkit {
  if (buildkit === undefined) throw new Error('dockerReason() was not asked')
  return buildkit
}

/** Makes a folder a DOCKER_CONFIG as a user has one: the plugin Buildx, and a builder elsewhere with these nodes. */
export function configureBuilder(folder: string, { buildx }: Buildkit, name: string, sockets: readonly string[]): void {
  mkdirSync(join(folder, 'cli-plugins'), { recursive: true })
  // A copy, since the account may have no way to where the program is.
  copyFileSync(buildx, join(folder, 'cli-plugins/docker-buildx'))
  mkdirSync(join(folder, 'buildx/instances'), { recursive: true })
  const nothing = { Platforms: null, DriverOpts: null, Flags: null, Files: null }
  const nodes = sockets.map((socket, index) => ({ Name: `${name}${index}`, Endpoint: `unix://${socket}`, ...nothing }))
  const builder = { Name: name, Driver: 'remote', Nodes: nodes, Dynamic: false }
  writeFileSync(join(folder, 'buildx/instances', name), JSON.stringify(builder))
  writeFileSync(join(folder, 'config.json'), '{"auths":{}}')
  const { uid, gid } = accountFor('user')
  for (const path of ['', 'buildx', 'buildx/instances', `buildx/instances/${name}`, 'config.json', 'cli-plugins'])
    chownSync(join(folder, path), uid, gid)
}
