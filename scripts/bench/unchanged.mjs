import * as fs from 'node:fs'
import { join } from 'node:path'

import { DemoError } from '../demo/machine.mjs'
import { actionArm } from './cache-action.mjs'
import { armByArm, preparePlace, runRounds } from './cache.mjs'
import { renderTraffic, rowsOf } from './cache-report.mjs'
import { inMilliseconds, renderRatios, renderTimes } from './table.mjs'

const manyFiles = 50_000

/** A run that finds nothing changed and builds nothing, beside one that builds with every step in the cache. */
export const unchanged = {
  name: 'unchanged',
  onlyByName: true,
  async measure({ folder, runs, tell }) {
    const { job, place } = preparePlace(folder, tell)
    const phases = ['cold', 'same']
    const arms = [
      actionArm(job, { id: 'build', title: '`unchanged: build`', cache: 'auto', phases }),
      skipArm(job, { id: 'skip', title: '`unchanged: skip`' }),
      skipArm(job, { id: 'many', title: '`unchanged: skip`, 50,000 files', prepare: writeMany }),
    ]
    const { samples } = await runRounds({ ...place, runs, tell }, arms, armByArm)
    const rows = rowsOf(arms, samples)
    const times = new Map([...samples].map(([visit, list]) => [visit, list.map(({ pushed }) => pushed)]))
    const pairs = [['nothing changed: skip ÷ build', 'skip same', 'build same']]
    const tables = [renderTimes(times, inMilliseconds), renderRatios(times, pairs), renderTraffic(rows, undefined)]
    return { text: tables.join('\n\n'), engine: arms[0].lastBuild().engine }
  },
}

/** @param {{id: string, title: string, prepare?: (workspace: string) => void}} how */
function skipArm(job, { id, title, prepare = () => undefined }) {
  const arm = actionArm(job, { id, title, cache: 'auto', unchanged: 'skip', phases: ['cold', 'same'] })
  return {
    ...arm,
    async open(round) {
      const session = await arm.open(round)
      return {
        ...session,
        async run(phase) {
          prepare(join(job, 'workspace'))
          const sample = await session.run(phase)
          if ((sample.built === 'true') !== (phase === 'cold'))
            throw new DemoError(`It was ${sample.built === 'true' ? '' : 'not '}built when it was ${phase}`)
          return sample
        },
      }
    },
  }
}

/** Adds small files up to 50,000, and a step that copies them all. */
function writeMany(workspace) {
  const folder = join(workspace, 'many')
  for (let number = 0; number < manyFiles - 5000; number += 1) {
    if (number % 100 === 0) fs.mkdirSync(join(folder, String(number / 100)), { recursive: true })
    fs.writeFileSync(join(folder, String(Math.floor(number / 100)), `${number}.txt`), `file ${number}\n`.repeat(40))
  }
  fs.appendFileSync(join(workspace, 'Dockerfile'), 'COPY many many\n')
}
