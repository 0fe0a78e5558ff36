import * as fs from 'node:fs'
import { join } from 'node:path'

import { interleave } from './interleave.mjs'
import { engineLine, firstUsefulLine, parseEngine } from './step-log.mjs'
import { forgetMachine, makeJob, runStep } from './step.mjs'
import { inMilliseconds, renderTimes } from './table.mjs'

/** Has a RUN, since what keeps RUN steps apart is what there is to find out; it fails, and so ends the step early. */
const dockerfile = 'FROM scratch\nCOPY Dockerfile /\nRUN ["/not-there"]\n'

/** With `network: host` an OCI runtime may do where it may not by default, and that is worth a test build. */
const cases = [
  { name: 'default inputs', inputs: { cache: 'off' } },
  { name: '`network: host`', inputs: { network: 'host', cache: 'off' } },
]

/** From the first line of the log to the one that says which engine builds and how. */
export const preflight = {
  name: 'preflight',
  async measure({ folder, runs, tell }) {
    const jobs = cases.map(({ name, inputs }, index) => ({ name, inputs, folder: join(folder, `job-${index}`) }))
    for (const job of jobs) makeJob(job.folder, { Dockerfile: dockerfile })
    const engines = []
    // A known machine is the one that the run before has left.
    const scenarios = jobs.flatMap((job) => [
      scenario(job, 'new machine', engines, () => forgetMachine(job.folder)),
      scenario(job, 'known machine', engines, () => {}),
    ])
    const series = await interleave(scenarios, { runs: 2 * runs, tell })
    const notes = jobs.map((job) => `${job.name}: ${rememberedTests(job.folder)}`)
    const note = `Test builds that the preflight of a new machine makes here, with ${notes.join('; with ')}.`
    return { text: `${renderTimes(series, inMilliseconds)}\n\n${note}`, engine: engines[0] }
  },
}

function scenario(job, machine, engines, prepare) {
  const name = `${job.name}, ${machine}`
  return {
    name,
    prepare,
    async run() {
      const { lines } = (await runStep(job.folder, job.inputs, 1)).main
      engines.push(parseEngine(lines))
      return { [name]: engineLine(lines).seconds - firstUsefulLine(lines).seconds }
    },
  }
}

/** How many answers of test builds are remembered, each in a file. */
function rememberedTests(job) {
  const memory = join(job, 'tools/rootless-image-build')
  return fs.existsSync(memory) ? fs.readdirSync(memory).length : 0
}
