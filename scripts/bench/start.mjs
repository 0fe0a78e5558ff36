import * as fs from 'node:fs'
import { join } from 'node:path'

import { failure, runWell } from './child.mjs'
import { interleave } from './interleave.mjs'
import { firstUsefulLine } from './step-log.mjs'
import { makeJob, runMain } from './step.mjs'
import { inMilliseconds, renderTimes } from './table.mjs'

/** All of the action that is there in this measurement: that the step starts shows that it loads no more to do so. */
const loadedAtStart = ['dist/main/index.js', 'dist/main/package.json']

/** From the start of Node to the first line of the log; with Node alone beside it, which is the part nobody can help. */
export const start = {
  name: 'start',
  async measure({ folder, runs, tell }) {
    const job = join(folder, 'job')
    makeJob(job, {}, loadedAtStart)
    const script = join(folder, 'line.mjs')
    fs.writeFileSync(script, "console.log('one line')\n")
    const series = await interleave([emptyScenario(script), mainScenario(job)], { runs: 4 * runs, tell })
    const sizes = loadedAtStart.map((name) => fs.statSync(join(job, 'action', name)).size)
    const bytes = sizes.reduce((sum, size) => sum + size)
    const size = `Loaded to get there: ${loadedAtStart.join(' and ')}, ${(bytes / 1024).toFixed(0)} KiB.`
    return { text: `${renderTimes(series, inMilliseconds)}\n\n${size}` }
  },
}

function emptyScenario(script) {
  const name = 'Node with a script of one line'
  return {
    name,
    async run() {
      const { lines } = await runWell([process.execPath, script], { cwd: '/', env: process.env })
      return { [name]: firstUsefulLine(lines).seconds }
    },
  }
}

function mainScenario(job) {
  const name = 'main to its first line'
  return {
    name,
    async run() {
      // A context that isn't there: the step says what it is about to do, and ends before it has made anything.
      const main = await runMain(job, { context: 'not-there' })
      const line = firstUsefulLine(main.lines)
      if (main.code !== 1 || !line?.text.startsWith('Rootless Image Build')) throw failure(['dist/main/index.js'], main)
      return { [name]: line.seconds }
    },
  }
}
