import { DemoError } from '../demo/machine.mjs'
import { wasCancelled } from './child.mjs'

/**
 * One way to do the work, to be held against others.
 * @typedef {object} Scenario
 * @property {string} name
 * @property {() => void | Promise<void>} [prepare] before each run, not timed
 * @property {() => Promise<Record<string, number>>} run seconds by the name of what they measure: one name or more
 * @property {() => void | Promise<void>} [clean] after each run, also a failed one; not timed
 */

/**
 * Runs scenarios in turns, so that what changes on the machine meanwhile meets all of them alike; every other turn goes
 * backwards (A B, B A, A B …), since a machine that slows down would favour whoever always goes first. The turn before
 * all others warms up and is not counted.
 * @param {Scenario[]} scenarios in the order of the warm-up
 * @returns {Promise<Map<string, number[]>>} by name of the measure, the seconds of each turn
 */
export async function interleave(scenarios, { runs, tell }) {
  const series = new Map()
  for (let turn = 0; turn <= runs; turn += 1) {
    for (const scenario of turn % 2 === 0 ? scenarios : scenarios.toReversed()) {
      const measured = Object.entries(await runOnce(scenario))
      const shown = measured.map(([measure, seconds]) => `${measure} ${seconds.toFixed(3)} s`)
      tell(`${turn === 0 ? 'warm-up' : `run ${turn} of ${runs}`}: ${shown.join(', ')}`)
      // The warm-up gives the measures their order, and no figure.
      for (const [measure, seconds] of measured)
        series.set(measure, turn === 0 ? [] : [...series.get(measure), seconds])
    }
  }
  return series
}

async function runOnce(scenario) {
  if (wasCancelled()) throw new DemoError('It was cancelled.')
  try {
    await scenario.prepare?.()
    return await scenario.run()
  } finally {
    await scenario.clean?.()
  }
}
