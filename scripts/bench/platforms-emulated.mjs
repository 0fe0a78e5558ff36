import * as fs from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

import { unpackPackages } from '../demo/machine.mjs'
import { ownEnvironment } from '../demo/runner.mjs'
import { provideBuildkit, startBuildkit, whyNoBuildkit } from './cache-buildkit.mjs'
import { runWell } from './child.mjs'
import { other, stepOf } from './platforms-step.mjs'

const architecture = other.slice('linux/'.length)
const machine = { arm64: 'aarch64', amd64: 'x86_64' }[architecture]
/** What the tests of emulation have fetched. */
const kept = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rootless-image-build-tests')
const program = join(kept, `busybox-static-${architecture}`)

/** One program each, since BuildKit's emulator of another make starts no others. */
const DOCKERFILE = `FROM scratch
COPY foreign /bin/busybox
COPY data /data
RUN ["/bin/busybox", "sh", "-c", "i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done"]
RUN ["/bin/busybox", "gzip", "-9", "-k", "/data"]
`

/** RUN steps of another platform, by the action and by Docker's builder, with the same qemu. */
export async function emulatedScenarios(place, tell) {
  const why =
    whyNoBuildkit() ?? (fs.existsSync(program) ? undefined : `${program} is fetched by the tests of emulation`)
  if (why !== undefined) {
    tell(`Emulation is not measured: ${why}`)
    return { scenarios: [], pairs: [], notes: [`Emulation was not measured: ${why}.`], stop: () => undefined }
  }
  addQemu(place)
  const files = { Dockerfile: DOCKERFILE, data: 'a line of text that is compressed\n'.repeat(200_000) }
  const step = stepOf(place, 'emulated', files, { platforms: other, cache: 'off' })
  const workspace = join(step.job, 'workspace')
  fs.copyFileSync(program, join(workspace, 'foreign'))
  fs.chmodSync(join(workspace, 'foreign'), 0o755)
  const programs = provideBuildkit(place.folder)
  const daemon = await startDaemon(programs, place)
  const [action, buildx] = ['emulated, the action', 'emulated, Buildx']
  const scenarios = [
    { name: action, run: async () => ({ [action]: (await step.run()).main.seconds }) },
    { name: buildx, run: async () => ({ [buildx]: await daemon.build(workspace) }) },
  ]
  return { scenarios, pairs: [['emulated: the action ÷ Buildx', action, buildx]], notes: [], stop: daemon.stop }
}

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
  const words = ['--builder', 'platforms', '--platform', other, '--provenance=false', '--no-cache', '--push']
  return {
    stop: daemon.stop,
    async build(workspace) {
      const { seconds } = await runWell(
        [programs.buildx, 'build', ...words, '--tag', `${host}/bench/buildx:1`, workspace],
        options,
      )
      return seconds
    },
  }
}
