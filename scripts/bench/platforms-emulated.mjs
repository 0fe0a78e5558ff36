import * as fs from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { DemoError, unpackPackages } from '../demo/machine.mjs'
import { ownEnvironment } from '../demo/runner.mjs'
import { provideBuildkit, startBuildkit, whyNoBuildkit } from './cache-buildkit.mjs'
import { runWell } from './child.mjs'
import { other, stepOf } from './platforms-step.mjs'

const architecture = other.slice('linux/'.length)
const machine = { arm64: 'aarch64', amd64: 'x86_64' }[architecture]
/** What the tests of emulation have fetched. */
const kept = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rootless-image-build-tests')
const program = join(kept, `busybox-static-${architecture}`)

/**
 * A shell that computes, and one that reads a byte for each system call; both tell how long they took, and by how much of
 * the processor. They start no other program, since BuildKit's own emulator would have to be patched for that.
 */
const WORK = ['i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done', 'while read line; do :; done </data']
const timed = (work) => `read a rest </proc/uptime; ${work}; read b rest </proc/uptime; echo emulated: $a $b; times`
const DOCKERFILE = `FROM scratch
COPY foreign /bin/busybox
COPY data /data
${WORK.map((work) => `RUN ${JSON.stringify(['/bin/busybox', 'sh', '-c', timed(work)])}\n`).join('')}`
const DATA = 'a line of text that is read\n'.repeat(30_000)

/** RUN steps of another platform, by the action and by Docker's builder, with the same qemu. */
export async function emulatedScenarios(place, tell) {
  const why =
    whyNoBuildkit() ?? (fs.existsSync(program) ? undefined : `${program} is fetched by the tests of emulation`)
  if (why !== undefined) {
    tell(`Emulation is not measured: ${why}`)
    return { scenarios: [], pairs: [], notes: [`Emulation was not measured: ${why}.`], stop: () => undefined }
  }
  addQemu(place)
  const files = { Dockerfile: DOCKERFILE, data: DATA }
  const step = stepOf(place, 'emulated', files, { platforms: other, cache: 'off' })
  const workspace = join(step.job, 'workspace')
  fs.copyFileSync(program, join(workspace, 'foreign'))
  fs.chmodSync(join(workspace, 'foreign'), 0o755)
  const programs = provideBuildkit(place.folder)
  const daemon = await startDaemon(programs, place)
  const scenarios = [
    { name: 'action', run: async () => measures('the action', (await step.run()).main) },
    { name: 'Buildx', run: async () => measures('Buildx', await daemon.build(workspace)) },
  ]
  const pairs = ['RUN steps', 'RUN steps, processor', 'whole'].map((what) => [
    `emulated, ${what}: the action ÷ Buildx`,
    `emulated, the action: ${what}`,
    `emulated, Buildx: ${what}`,
  ])
  return { scenarios, pairs, notes: [], stop: daemon.stop }
}

/** The whole build, what its emulated steps say that they took, and the rest, which is the same for steps of any length. */
function measures(who, { seconds, lines }) {
  const text = lines.map((line) => line.text).join('\n')
  const spans = [...text.matchAll(/emulated: ([\d.]+) ([\d.]+)$/gm)].map(([, from, to]) => to - from)
  // Of the shell itself: the line of `times` for its children is all zeros.
  const used = [...text.matchAll(/(\d+)m([\d.]+)s (\d+)m([\d.]+)s$/gm)].map(([, ...parts]) => parts.map(Number))
  if (spans.length !== WORK.length || used.length !== 2 * WORK.length)
    throw new DemoError(`The log of the emulated build doesn't say how long its steps took:\n${text}`)
  const steps = sum(spans)
  const processor = sum(used.map(([minutes, rest, more, last]) => 60 * (minutes + more) + rest + last))
  const found = { whole: seconds, 'RUN steps': steps, 'RUN steps, processor': processor, rest: seconds - steps }
  return Object.fromEntries(Object.entries(found).map(([what, value]) => [`emulated, ${who}: ${what}`, value]))
}

const sum = (values) => values.reduce((total, value) => total + value, 0)

/** Puts qemu where both find it: the action by its own name on PATH, BuildKit by one that it looks for. */
function addQemu({ folder, tools }) {
  unpackPackages(['qemu-user-static'], join(folder, 'qemu'))
  const found = join(folder, `qemu/usr/bin/qemu-${machine}-static`)
  for (const name of [`qemu-${machine}-static`, `buildkit-qemu-${machine}`]) {
    fs.copyFileSync(found, join(tools, name))
    fs.chmodSync(join(tools, name), 0o755)
  }
}

async function startDaemon(programs, { folder, tools, host }) {
  const path = process.env.PATH
  process.env.PATH = `${tools}:${path}`
  const daemon = await startBuildkit(programs, join(folder, 'buildkitd'), host)
  process.env.PATH = path
  const options = { cwd: folder, env: { ...ownEnvironment(), BUILDX_CONFIG: join(folder, 'buildx') } }
  await runWell([programs.buildx, 'create', '--name', 'platforms', '--driver', 'remote', daemon.address], options)
  const flags = ['--provenance=false', '--no-cache', '--progress=plain', '--push', '--tag', `${host}/bench/buildx:1`]
  const argv = [programs.buildx, 'build', '--builder', 'platforms', '--platform', other, ...flags]
  return { stop: daemon.stop, build: (workspace) => runWell([...argv, workspace], options) }
}
