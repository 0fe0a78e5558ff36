/**
 * What the action costs beside bare Buildah, measured; docs/benchmarks.md says how and has figures.
 *
 *   node scripts/bench.mjs [--runs N] [--only overhead|start|preflight|cache]
 *   node scripts/bench.mjs --only cache-memory [--size GIB]
 *   node scripts/bench.mjs --only docker|unchanged|one-change|sandbox|compression|platforms|stages [--runs N]
 *
 * For Debian or Ubuntu, as root or with a sudo that asks for no password. Tables go to standard output, as Markdown;
 * what happens meanwhile to standard error. Beside its temporary folder (TMPDIR, else /var/tmp, since /tmp may be
 * memory) it writes the base image into ${XDG_CACHE_HOME:-~/.cache}/rootless-image-build-tests. Buildah and debootstrap
 * are installed where they are missing, and stay. The measurements of the cache need `npm ci`; for Docker Buildx beside
 * it they need Go, and keep what they have built with it in that same folder.
 */
import * as fs from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { accountOfAction, removeNewTraces, tracesOf } from './bench/account.mjs'
import { cache } from './bench/cache.mjs'
import { cacheMemory } from './bench/cache-memory.mjs'
import { cancelChildren, wasCancelled } from './bench/child.mjs'
import { compression } from './bench/compression.mjs'
import { docker } from './bench/docker.mjs'
import { describeMachine } from './bench/facts.mjs'
import { oneChange } from './bench/one-change.mjs'
import { overhead } from './bench/overhead.mjs'
import { platforms } from './bench/platforms.mjs'
import { preflight } from './bench/preflight.mjs'
import { sandbox } from './bench/sandbox.mjs'
import { stages } from './bench/stages.mjs'
import { start } from './bench/start.mjs'
import { unchanged } from './bench/unchanged.mjs'
import { DemoError } from './demo/machine.mjs'

const measurements = [
  overhead,
  start,
  preflight,
  cache,
  cacheMemory,
  docker,
  unchanged,
  oneChange,
  sandbox,
  compression,
  platforms,
  stages,
]
const names = measurements.map(({ name }) => name)

// Each Node reads that file when it starts, which takes longer than all else it does then. Hosted runners don't set it.
delete process.env.NODE_EXTRA_CA_CERTS

async function main() {
  const { runs, size, chosen } = readOptions()
  const [load] = loadavg()
  if (load > 0.5) console.error(`The machine is busy (load ${load.toFixed(1)}): the figures will spread.`)
  const before = tracesOf(accountOfAction)
  const folder = fs.mkdtempSync(join(process.env.TMPDIR ?? '/var/tmp', 'rootless-image-build-bench-'))
  fs.chmodSync(folder, 0o755)
  // Ctrl-C reaches the children by itself; a SIGTERM comes here alone. Either way this process lives on to clean up.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => cancelChildren())
  try {
    const reports = []
    for (const measurement of chosen) {
      const own = join(folder, measurement.name)
      fs.mkdirSync(own)
      reports.push(await measurement.measure({ folder: own, runs, size, tell: (text) => console.error(text) }))
    }
    const engine = reports.map((report) => report.engine).find((found) => found !== undefined)
    console.log([describeMachine(engine), ...reports.map(({ text }) => text)].join('\n\n'))
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
    removeNewTraces(accountOfAction, before)
  }
}

function readOptions() {
  const usage = `Usage: node scripts/bench.mjs [--runs N] [--only ${names.join('|')}] [--size GIB]`
  let values
  try {
    const text = { type: 'string' }
    values = parseArgs({
      options: { runs: { ...text, default: '5' }, only: text, size: { ...text, default: '5' } },
    }).values
  } catch (error) {
    throw new DemoError(`${error.message}\n${usage}`)
  }
  for (const name of ['runs', 'size']) {
    if (/^[1-9]\d{0,2}$/.test(values[name])) continue
    throw new DemoError(`--${name} takes a number from 1 on, not "${values[name]}"`)
  }
  if (values.only !== undefined && !names.includes(values.only))
    throw new DemoError(`--only takes one of ${names.join(', ')}, not "${values.only}"`)
  const isChosen = ({ name, onlyByName }) => (values.only === undefined ? onlyByName !== true : name === values.only)
  const chosen = measurements.filter(isChosen)
  return { runs: Number(values.runs), size: Number(values.size), chosen }
}

try {
  await main()
} catch (error) {
  if (wasCancelled()) console.error('\nThe benchmark was cancelled.')
  else console.error(error instanceof DemoError ? `\nThe benchmark failed. ${error.message}` : error)
  process.exitCode = 1
}
