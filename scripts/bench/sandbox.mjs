import * as fs from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'

import { parseEngine } from './step-log.mjs'
import { interleave } from './interleave.mjs'
import { summarize } from './statistics.mjs'
import { makeJob, runStep } from './step.mjs'
import { inMilliseconds, renderTable, renderTimes } from './table.mjs'

/** Something of each kind that starts Buildah, as small as it can be: what is left is what a sandbox costs. */
const dockerfile = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "true"]\n'
const inputs = { cache: 'off', outputs: 'type=oci,dest=image.tar' }
const MODES = ['require', 'off']

/** A whole step, main and post, in the sandbox and without one. */
export const sandbox = {
  name: 'sandbox',
  async measure({ folder, runs, tell }) {
    const engines = []
    const scenarios = MODES.map((mode) => scenario(join(folder, mode), mode, engines))
    const series = await interleave(scenarios, { runs: 3 * runs, tell })
    const [inside, outside] = MODES.map((mode) => series.get(nameOf(mode)))
    const { median, min, max } = summarize(inside.map((seconds, turn) => seconds - outside[turn]))
    const row = ['in the sandbox − without', ...[median, min, max].map(inMilliseconds)]
    const differences = renderTable(['difference, run by run', 'median', 'min', 'max'], [row])
    return { text: `${renderTimes(series, inMilliseconds)}\n\n${differences}`, engine: engines[0] }
  },
}

function scenario(folder, mode, engines) {
  fs.mkdirSync(folder, { recursive: true })
  const job = join(folder, 'job')
  makeJob(job, { Dockerfile: dockerfile, busybox: fs.readFileSync('/bin/busybox') })
  fs.chmodSync(join(job, 'workspace/busybox'), 0o755)
  return {
    name: nameOf(mode),
    async run() {
      const started = performance.now()
      const { main } = await runStep(job, { ...inputs, sandbox: mode })
      engines.push(parseEngine(main.lines))
      return { [nameOf(mode)]: (performance.now() - started) / 1000 }
    },
  }
}

function nameOf(mode) {
  return `\`sandbox: ${mode}\``
}
