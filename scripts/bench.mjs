/**
 * What the action costs beside bare Buildah, measured; docs/benchmarks.md says how and has figures.
 *
 *   node scripts/bench.mjs [--runs N] [--only overhead|start|preflight]
 *
 * For Debian or Ubuntu, as root or with a sudo that asks for no password. Tables go to standard output, as Markdown;
 * what happens meanwhile to standard error. Beside its temporary folder (TMPDIR, else /var/tmp, since /tmp may be
 * memory) it writes the base image into ${XDG_CACHE_HOME:-~/.cache}/rootless-image-build-tests. Buildah and debootstrap
 * are installed where they are missing, and stay.
 */
import * as fs from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { accountOfAction, removeNewTraces, tracesOf } from './bench/account.mjs'
import { cancelChildren, wasCancelled } from './bench/child.mjs'
import { describeMachine } from './bench/facts.mjs'
import { overhead } from './bench/overhead.mjs'
import { preflight } from './bench/preflight.mjs'
import { start } from './bench/start.mjs'
import { DemoError } from './demo/machine.mjs'

const measurements = [overhead, start, preflight]
const names = measurements.map(({ name }) => name)

async function main() {
  const { runs, chosen } = readOptions()
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
      reports.push(await measurement.measure({ folder: own, runs, tell: (text) => console.error(text) }))
    }
    const engine = reports.map((report) => report.engine).find((found) => found !== undefined)
    console.log([describeMachine(engine), ...reports.map(({ text }) => text)].join('\n\n'))
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
    removeNewTraces(accountOfAction, before)
  }
}

function readOptions() {
  const usage = `Usage: node scripts/bench.mjs [--runs N] [--only ${names.join('|')}]`
  let values
  try {
    values = parseArgs({ options: { runs: { type: 'string', default: '5' }, only: { type: 'string' } } }).values
  } catch (error) {
    throw new DemoError(`${error.message}\n${usage}`)
  }
  if (!/^[1-9]\d{0,2}$/.test(values.runs)) throw new DemoError(`--runs takes a number from 1 on, not "${values.runs}"`)
  if (values.only !== undefined && !names.includes(values.only))
    throw new DemoError(`--only takes one of ${names.join(', ')}, not "${values.only}"`)
  const chosen = measurements.filter(({ name }) => values.only === undefined || name === values.only)
  return { runs: Number(values.runs), chosen }
}

try {
  await main()
} catch (error) {
  if (wasCancelled()) console.error('\nThe benchmark was cancelled.')
  else console.error(error instanceof DemoError ? `\nThe benchmark failed. ${error.message}` : error)
  process.exitCode = 1
}
