import { type ChildProcess, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { accountFor, testsAreRoot } from './account.js'
import { run } from './command.js'
import { cacheFolder, makeFolder } from './folders.js'
import type { StepOptions } from './runner.js'

const daemonProgram = '/usr/sbin/dockerd'
const clientProgram = '/usr/bin/docker'
const buildxProgram = join(cacheFolder(), 'buildx-v0.38.2')
const buildkitProgram = join(cacheFolder(), 'buildkitd-v0.34.2')

/** The four ways in which Docker builds; see src/engine/docker/builder.ts. */
export type DockerWay = 'buildx' | 'buildx-docker' | 'docker-build' | 'classic'

/** Why Docker can't be tested in this way here, if it can't. */
export function dockerReason(way: DockerWay): string | undefined {
  if (!testsAreRoot) return "Docker's daemon has to be started by root"
  if (!existsSync(daemonProgram) || !existsSync(clientProgram))
    return 'no docker.io here: bash scripts/test.sh installs it'
  const isMissing = way.startsWith('buildx') && !(existsSync(buildxProgram) && existsSync(buildkitProgram))
  return isMissing ? 'no Buildx here: node scripts/buildkit-from-go.mjs builds it where Go is' : undefined
}

/** A daemon of Docker and one of BuildKit with storages of their own. */
export interface DockerPlace {
  /** For DOCKER_HOST. */
  readonly host: string
  /** Environment of a step that is to build in this way. */
  environment(way: DockerWay): NonNullable<StepOptions['env']>
  /** Runs the client. @returns what it prints */
  run(...args: readonly string[]): Promise<string>
  /** Puts an image into the daemon under a name. @param source as skopeo has it */
  load(source: string, name: string): Promise<void>
  /** A machine that nobody has used: both storages are empty again. */
  renew(): Promise<void>
  stop(): Promise<void>
}

/** Starts them, and waits until they answer. */
export async function startDocker(): Promise<DockerPlace> {
  const { gid } = accountFor('user')
  const folder = makeFolder('docker')
  chmodSync(folder, 0o711)
  const [socket, buildkit] = [join(folder, 'docker.sock'), join(folder, 'buildkit.sock')]
  const host = `unix://${socket}`
  // Debian's client: another may stand before it on PATH, without a builder of its own.
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  symlinkSync(clientProgram, join(bin, 'docker'))
  const withBuildx = configuration(join(folder, 'with-buildx'), buildkit)
  let started: Started | undefined
  const start = async () => {
    started = await startBoth(folder, socket, buildkit)
    for (const path of [socket, buildkit]) {
      if (!existsSync(path)) continue
      chownSync(path, 0, gid)
      chmodSync(path, 0o660)
    }
  }
  await start()
  return {
    host,
    run: async (...args) => (await run(clientProgram, ['--host', host, ...args])).toString(),
    load: async (source, name) => {
      const from = source.startsWith('docker://') ? ['--src-tls-verify=false'] : []
      await run('skopeo', ['copy', '--quiet', ...from, '--dest-daemon-host', host, source, `docker-daemon:${name}`])
    },
    environment: (way) => ({
      PATH: `${bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      DOCKER_HOST: host,
      ...(way.startsWith('buildx') && { DOCKER_CONFIG: withBuildx }),
      ...(way === 'buildx' && { BUILDX_BUILDER: 'own' }),
      ...(way === 'classic' && { DOCKER_BUILDKIT: '0' }),
    }),
    async renew() {
      await started?.stop()
      await start()
    },
    stop: async () => {
      await started?.stop()
    },
  }
}

interface Started {
  stop(): Promise<void>
}

async function startBoth(folder: string, socket: string, buildkit: string): Promise<Started> {
  const state = makeFolder('docker-state')
  writeFileSync(join(folder, 'daemon.json'), '{}')
  const places = [
    '--data-root',
    join(state, 'data'),
    '--exec-root',
    join(state, 'exec'),
    '--pidfile',
    join(state, 'pid'),
  ]
  const settings = ['--iptables=false', '--ip6tables=false', '--config-file', join(folder, 'daemon.json')]
  const children = [
    startProgram(join(state, 'log'), daemonProgram, ['--host', `unix://${socket}`, ...places, ...settings]),
  ]
  if (existsSync(buildkitProgram)) {
    const worker = ['--oci-worker=true', '--containerd-worker=false', '--oci-worker-snapshotter=overlayfs']
    const where = ['--oci-worker-net=host', '--root', join(state, 'buildkit'), '--addr', `unix://${buildkit}`]
    children.push(startProgram(join(state, 'buildkit-log'), buildkitProgram, [...worker, ...where]))
    await untilThere(buildkit, join(state, 'buildkit-log'))
  }
  await untilThere(socket, join(state, 'log'))
  return {
    async stop() {
      await Promise.all(children.map(stop))
    },
  }
}

function startProgram(log: string, program: string, args: readonly string[]): ChildProcess {
  // Tests that are killed take their daemons with them.
  const argv = ['-c', 'exec setpriv --pdeathsig TERM "$@" > "$0" 2>&1', log, program, ...args]
  return spawn('bash', argv, { stdio: 'ignore' })
}

async function untilThere(socket: string, log: string): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
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

/** A DOCKER_CONFIG as a user has one: the plugin Buildx, and a builder elsewhere. */
function configuration(folder: string, buildkit: string): string {
  mkdirSync(join(folder, 'cli-plugins'), { recursive: true })
  // A copy, since the account may have no way to where the program is.
  copyFileSync(buildxProgram, join(folder, 'cli-plugins/docker-buildx'))
  mkdirSync(join(folder, 'buildx/instances'), { recursive: true })
  const node = {
    Name: 'own0',
    Endpoint: `unix://${buildkit}`,
    Platforms: null,
    DriverOpts: null,
    Flags: null,
    Files: null,
  }
  writeFileSync(
    join(folder, 'buildx/instances/own'),
    JSON.stringify({ Name: 'own', Driver: 'remote', Nodes: [node], Dynamic: false }),
  )
  writeFileSync(join(folder, 'config.json'), '{"auths":{}}')
  const { uid, gid } = accountFor('user')
  for (const path of ['', 'buildx', 'buildx/instances', 'buildx/instances/own', 'config.json', 'cli-plugins'])
    chownSync(join(folder, path), uid, gid)
  return folder
}
