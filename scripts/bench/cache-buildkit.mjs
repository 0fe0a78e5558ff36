import { execFileSync, spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

import { DemoError, isRoot, unpackPackages } from '../demo/machine.mjs'

/** The folders of scripts/go/ that they are built from; the figures are for these versions. */
const versions = { buildkitd: '0.34.2', buildx: '0.38.2' }

export const buildkitVersions = Object.entries(versions).map(([name, version]) => `${name} v${version}`)

/** Why BuildKit can't be measured here; undefined when it can. */
export function whyNoBuildkit() {
  if (!isRoot) return 'its daemon needs root here'
  if (spawnSync('go', ['version']).error) return 'it has to be built, and Go is not here'
  return undefined
}

/**
 * Docker's builder and its client, built once with Go and kept where the tests keep what they build, and runc: Debian's,
 * unpacked, where the machine has none.
 * @param {string} folder that runc may be unpacked below; it lasts as long as the programs are used
 * @returns {{buildkitd: string, buildx: string, runc: string}} paths, or names on PATH
 */
export function provideBuildkit(folder) {
  return { ...buildPrograms(), runc: provideRunc(join(folder, 'runc')) }
}

function provideRunc(folder) {
  if (!spawnSync('runc', ['--version']).error) return 'runc'
  if (!fs.existsSync(folder)) unpackPackages(['runc'], folder)
  return join(folder, 'usr/sbin/runc')
}

function buildPrograms() {
  const script = fileURLToPath(new URL('../from-go.sh', import.meta.url))
  return Object.fromEntries(
    Object.entries(versions).map(([name, version]) => {
      const options = { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' }
      return [name, join(execFileSync('bash', [script, name, version], options).trim(), 'bin', name)]
    }),
  )
}

/**
 * Starts the daemon with an empty state below a folder.
 * @param {{buildkitd: string, runc: string}} programs
 * @param {string} host of a registry without TLS
 * @returns {Promise<{address: string, stop: () => Promise<void>}>}
 */
export async function startBuildkit({ buildkitd, runc }, folder, host) {
  const socket = join(folder, 'socket')
  const log = join(folder, 'log')
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(join(folder, 'buildkitd.toml'), `[registry."${host}"]\n  http = true\n`)
  const worker = ['--oci-worker=true', '--containerd-worker=false', '--oci-worker-snapshotter=overlayfs']
  const running = [`--oci-worker-binary=${runc}`, '--oci-worker-net=host']
  const places = ['--root', join(folder, 'state'), '--addr', `unix://${socket}`, '--config']
  const argv = [...worker, ...running, ...places, join(folder, 'buildkitd.toml')]
  const output = fs.openSync(log, 'w')
  const child = spawn(buildkitd, argv, { stdio: ['ignore', output, output], detached: true })
  fs.closeSync(output)
  const ended = new Promise((resolve) => child.on('exit', resolve).on('error', resolve))
  const stop = async () => {
    child.kill('SIGTERM')
    await Promise.race([ended, sleep(10_000, undefined, { ref: false })])
    child.kill('SIGKILL')
    await ended
    fs.rmSync(folder, { recursive: true, force: true })
  }
  for (let tries = 0; tries < 200 && child.exitCode === null; tries += 1) {
    if (fs.existsSync(socket)) return { address: `unix://${socket}`, stop }
    await sleep(50)
  }
  const said = fs.readFileSync(log, 'utf8')
  await stop()
  throw new DemoError(`buildkitd does not start; its log:\n${said}`)
}
