import { spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { DemoError, isRoot } from '../demo/machine.mjs'
import { runWell } from './child.mjs'

/** Modules that hold the programs, at the versions that the figures are for. */
const programs = {
  buildkitd: { module: 'github.com/moby/buildkit', version: 'v0.34.2' },
  buildx: { module: 'github.com/docker/buildx', version: 'v0.38.2' },
}

export const buildkitVersions = Object.entries(programs).map(([name, { version }]) => `${name} ${version}`)

/** Why BuildKit can't be measured here; undefined when it can. */
export function whyNoBuildkit() {
  if (!isRoot) return 'its daemon needs root here'
  if (spawnSync('runc', ['--version']).error) return 'its daemon needs runc, which is not here'
  if (spawnSync('go', ['version']).error) return 'it has to be built, and Go is not here'
  return undefined
}

/**
 * Docker's builder and its client, built once with Go from their modules and kept where the tests keep what they build.
 * @returns {Promise<Record<string, string>>} paths, by name
 */
export async function provideBuildkit(folder, tell) {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rootless-image-build-tests')
  const paths = {}
  for (const [name, { module, version }] of Object.entries(programs)) {
    paths[name] = join(cache, `${name}-${version}`)
    if (fs.existsSync(paths[name])) continue
    tell(`building ${name} ${version}, once`)
    const env = { ...process.env, CGO_ENABLED: '0' }
    const said = await runWell(['go', 'mod', 'download', '-json', `${module}@${version}`], { cwd: folder, env })
    const { Dir: source } = JSON.parse(said.lines.map(({ text }) => text).join('\n'))
    // In the module's own folder, so that its own go.sum says what is taken; beside the name, until it is whole.
    const unfinished = join(folder, name)
    const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-o', unfinished]
    await runWell(['go', 'build', ...flags, `./cmd/${name}`], { cwd: source, env })
    fs.mkdirSync(cache, { recursive: true })
    fs.copyFileSync(unfinished, `${paths[name]}.partial`)
    fs.renameSync(`${paths[name]}.partial`, paths[name])
  }
  return paths
}

/**
 * Starts the daemon with an empty state below a folder.
 * @param {string} host of a registry without TLS
 * @returns {Promise<{address: string, stop: () => Promise<void>}>}
 */
export async function startBuildkit(program, folder, host) {
  const socket = join(folder, 'socket')
  const log = join(folder, 'log')
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(join(folder, 'buildkitd.toml'), `[registry."${host}"]\n  http = true\n`)
  const worker = ['--oci-worker=true', '--containerd-worker=false', '--oci-worker-snapshotter=overlayfs']
  const places = ['--root', join(folder, 'state'), '--addr', `unix://${socket}`, '--config']
  const argv = [...worker, '--oci-worker-net=host', ...places, join(folder, 'buildkitd.toml')]
  const output = fs.openSync(log, 'w')
  const child = spawn(program, argv, { stdio: ['ignore', output, output], detached: true })
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
