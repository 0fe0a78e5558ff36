import { join } from 'node:path'

import { actionArm } from './cache-action.mjs'
import { armByArm, preparePlace, runRounds } from './cache.mjs'
import { renderSeconds, renderTraffic, rowsOf } from './cache-report.mjs'
import { buildxArm } from './cache-buildx.mjs'
import { keptBuildkitArm } from './kept-buildkit.mjs'
import { ratios, summarize } from './statistics.mjs'
import { renderTable } from './table.mjs'
import { copied, copiedOnMuch } from './workload.mjs'

const workloads = [
  { title: '420 MB below the COPY', workload: copied },
  { title: '1.2 GB more below the COPY', workload: copiedOnMuch },
]

/** The limit that a new machine can come near to. */
const rival = 'kept-buildkit'

/** One changed source file that no RUN reads, on machines that nobody has used and on ones that are kept. */
export const oneChange = {
  name: 'one-change',
  onlyByName: true,
  async measure({ folder, runs, tell }) {
    const { job, place } = preparePlace(folder, tell)
    const arms = makeArms(job)
    const found = []
    for (const { title, workload } of workloads) {
      tell(title)
      const { samples, notRun } = await runRounds({ ...place, runs, tell, workload }, arms, armByArm)
      found.push({ title, samples, notRun })
    }
    const reports = found.map((one) => renderWorkload(arms, one))
    return { text: [...reports, renderAcross(found)].join('\n\n'), engine: arms[0].lastBuild().engine }
  },
}

function makeArms(job) {
  const phases = ['cold', 'same', 'changed']
  const own = { unchanged: 'skip', phases }
  const kept = { cache: 'directory', unchanged: 'skip', isKept: true, phases }
  return [
    actionArm(job, { id: 'own', title: 'this action', cache: 'auto', ...own }),
    actionArm(job, { id: 'kept', title: 'this action, `cache: directory`, kept machine', ...kept }),
    buildxArm(join(job, 'workspace')),
    keptBuildkitArm(join(job, 'workspace')),
  ]
}

function renderWorkload(arms, { title, samples, notRun }) {
  const rows = rowsOf(arms, samples)
  const pairs = [
    { name: 'one file changed ÷ cold, to the push', of: ['own changed', 'pushed'], by: ['own cold', 'pushed'] },
    { name: 'one file changed, the end ÷ the push', of: ['own changed', 'ended'], by: ['own changed', 'pushed'] },
    {
      name: 'one file changed, kept ÷ kept BuildKit',
      of: ['kept changed', 'ended'],
      by: [`${rival} changed`, 'ended'],
    },
    { name: 'nothing changed, kept ÷ kept BuildKit', of: ['kept same', 'ended'], by: [`${rival} same`, 'ended'] },
    { name: 'one file changed ÷ kept BuildKit', of: ['own changed', 'pushed'], by: [`${rival} changed`, 'pushed'] },
  ]
  const notes = [...notRun].map(([name, reason]) => `Not run: ${name}, since ${reason}.`)
  const parts = [
    `**${title}**`,
    renderSeconds(rows),
    renderPairs(samples, pairs),
    renderTraffic(rows, undefined),
    ...notes,
  ]
  return parts.join('\n\n')
}

function renderPairs(samples, pairs) {
  const cells = pairs
    .filter(({ of, by }) => samples.has(of[0]) && samples.has(by[0]))
    .map(({ name, of, by }) => {
      const [values, partners] = [of, by].map(([visit, time]) => samples.get(visit).map((sample) => sample[time]))
      const { median, min, max } = summarize(ratios(values, partners))
      return [name, ...[median, min, max].map((value) => value.toFixed(3))]
    })
  return renderTable(['run by run', 'median', 'min', 'max'], cells)
}

/** How much the bytes below the COPY cost. */
function renderAcross([less, more]) {
  const cells = ['own changed', 'kept changed', 'buildx changed', `${rival} changed`]
    .filter((visit) => less.samples.has(visit))
    .map((visit) => {
      const median = ({ samples }) => summarize(samples.get(visit).map(({ pushed }) => pushed)).median
      return [visit, (median(more) / median(less)).toFixed(2)]
    })
  return renderTable(['with 1.2 GB more ÷ without, medians', 'ratio'], cells)
}
