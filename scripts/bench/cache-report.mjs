import { ratios, summarize } from './statistics.mjs'
import { inSeconds, renderTable } from './table.mjs'

const phaseNames = { cold: 'cold', same: 'nothing changed', changed: 'one file changed' }

/** What is promised of this action's own rows, as ratios to cold with `cache: off`. */
const atMost = {
  'own cold': { pushed: 1.02, ended: 1.06 },
  'own same': { pushed: 0.12 },
  'own changed': { pushed: 0.43 },
  'own-registry same': { pushed: 0.26 },
  'own-registry changed': { pushed: 0.43 },
}
const callsAtMost = { 'own cold': 40, 'own same': 15 }
/** Bytes that may go up beside the layers that a changed file makes new. */
const besideLayers = { 'own changed': 256 * 2 ** 10, 'own-registry changed': 64 * 2 ** 10 }

const inMegabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`

/**
 * Seconds, ratios and traffic of every arm and phase.
 * @param {import('./cache.mjs').Arm[]} arms
 * @param {{samples: Map<string, import('./cache.mjs').Sample[]>, notRun: Map<string, string>}} series by arm and phase,
 * and reasons by title
 * @param {number | undefined} changedBytes what the layers that a changed file makes new are as an archive of their own
 */
export function renderReport(arms, { samples, notRun }, changedBytes) {
  const rows = rowsOf(arms, samples)
  const notes = [...notRun].map(([title, reason]) => `Not run: ${title}, since ${reason}.`)
  const tables = [renderSeconds(rows), renderRatios(rows, samples.get('off cold')), renderTraffic(rows, changedBytes)]
  return [...tables, ...notes, ...lastWords(samples)].join('\n\n')
}

/** What was measured, arm by arm and phase by phase. */
export function rowsOf(arms, samples) {
  return arms.flatMap(({ id, title, phases }) =>
    phases
      .map((phase) => ({ visit: `${id} ${phase}`, name: `${title}: ${phaseNames[phase]}` }))
      .filter(({ visit }) => samples.has(visit))
      .map((row) => ({ ...row, samples: samples.get(row.visit) })),
  )
}

export function renderSeconds(rows) {
  const cells = rows.map(({ name, samples }) => {
    const [pushed, ended] = ['pushed', 'ended'].map((time) => summarize(samples.map((sample) => sample[time])))
    const spread = `${inSeconds(pushed.min)} to ${inSeconds(pushed.max)}`
    return [name, inSeconds(pushed.median), spread, inSeconds(ended.median)]
  })
  return renderTable(['', 'to the pushed image, median', 'min to max', 'to the end, median'], cells)
}

function renderRatios(rows, offSamples) {
  const cells = rows
    .filter(({ visit }) => visit !== 'off cold')
    .flatMap(({ visit, name, samples }) =>
      ['pushed', 'ended'].map((time) => {
        const [values, partners] = [samples, offSamples].map((list) => list.map((sample) => sample[time]))
        const { median, min, max } = summarize(ratios(values, partners))
        const limit = atMost[visit]?.[time]
        const shown = [median, min, max].map((value) => value.toFixed(3))
        return [`${name}, ${time === 'pushed' ? 'to the push' : 'to the end'}`, ...shown, limit?.toFixed(2) ?? '']
      }),
    )
  return renderTable(['÷ cold with `cache: off`, run by run', 'median', 'min', 'max', 'at most'], cells)
}

export function renderTraffic(rows, changedBytes) {
  const cells = rows.map(({ visit, name, samples }) => {
    const median = (value) => summarize(samples.map(value)).median
    const up = median((sample) => sample.up)
    const limits = [callsAtMost[visit] && `${callsAtMost[visit]} calls`]
    if (visit in besideLayers && changedBytes !== undefined)
      limits.push(`${inMegabytes(changedBytes + besideLayers[visit])} up`)
    const moved = [up, median((sample) => sample.down)].map(inMegabytes)
    return [name, ...moved, median((sample) => sample.calls), samples.at(-1).layers, limits.filter(Boolean).join(', ')]
  })
  const head = ['', 'up', 'down', 'calls to the cache', 'layers of the push before', 'at most']
  const layers =
    changedBytes === undefined ? [] : [`The new layers alone, as tar and zstd -3: ${inMegabytes(changedBytes)}.`]
  return [renderTable(head, cells), ...layers].join('\n\n')
}

/** What the action itself said of its cache in the last round. */
function lastWords(samples) {
  const said = ['cold', 'same', 'changed'].map((phase) => ({ phase, ...samples.get(`own ${phase}`)?.at(-1) }))
  const known = said.filter(({ hit }) => hit !== undefined)
  if (known.length === 0) return ['This build of the action has no cache: its rows are all cold.']
  return known.map(
    ({ phase, hit, stats }) => `${phaseNames[phase]}: \`cache-hit\` ${hit}, \`cache-stats\` \`${stats}\``,
  )
}
