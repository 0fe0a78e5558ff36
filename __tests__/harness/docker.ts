import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Account } from './account.js'
import { run } from './command.js'
import { makeFolder } from './folders.js'
import { rootReason } from './skipping.js'

/** Debian's and Ubuntu's own, Docker's own. */
const program = ['/usr/sbin/dockerd', '/usr/bin/dockerd'].find((path) => existsSync(path))

/** Why no Docker can be started here, if none can. */
export const dockerReason =
  rootReason ?? (program === undefined ? 'no dockerd here: apt-get install docker.io' : undefined)

/** A daemon of the tests' own, beside whatever the machine has. */
export interface Docker {
  /** `unix:///…/docker.sock`, for which the account needs no rights of root. */
  readonly host: string
  /** Takes an image from an archive as `docker save` writes it, under this name. */
  load(archive: string, name: string): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts dockerd with folders of its own. It leaves the network of the machine as it is, so that its containers have
 * that of the machine or none.
 */
export async function startDocker(account: Account): Promise<Docker> {
  const folder = makeFolder('docker')
  const host = `unix://${join(folder, 'docker.sock')}`
  writeFileSync(join(folder, 'daemon.json'), '{}')
  const own = ['data-root', 'exec-root', 'pidfile'].flatMap((name) => [`--${name}`, join(folder, name)])
  const network = ['--bridge=none', '--iptables=false', '--ip6tables=false']
  const args = [...own, ...network, '--config-file', join(folder, 'daemon.json'), '--host', host]
  if (program === undefined) throw new Error(dockerReason)
  const child = spawn(program, [...args, '--group', String(account.gid)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => (log += piece.toString()))
  }
  const deadline = Date.now() + 60_000
  while (!log.includes('API listen on')) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop(child, folder)
      throw new Error(`dockerd does not answer; its log:\n${log}`)
    }
    await sleep(100)
  }
  return {
    host,
    load: async (archive, name) => {
      const to = ['--dest-daemon-host', host, `docker-daemon:${name}`]
      await run('skopeo', ['copy', '--quiet', `docker-archive:${archive}`, ...to])
    },
    stop: () => stop(child, folder),
  }
}

/** Ends it with the containerd that it has started, and takes away what it leaves mounted in its folder. */
async function stop(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    await ended
  }
  const places = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ').slice(1, 2))
    .filter((place) => place.startsWith(`${folder}/`))
  for (const place of places.reverse()) await run('umount', [place])
}
