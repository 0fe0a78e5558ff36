import { isExhaustive } from './test-set.js'

/**
 * How a property is tried, for fast-check: in the ordinary set so often, always with the same values; in the exhaustive
 * set ten times as often, with other values each time. Where it fails, fast-check says with which.
 */
export function runs(ordinary = 100): { readonly seed: number; readonly numRuns: number } {
  return isExhaustive ? { seed: Date.now(), numRuns: 10 * ordinary } : { seed: 20_261_124, numRuns: ordinary }
}
