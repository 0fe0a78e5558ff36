import { describe } from '@jest/globals'

/**
 * Which of the two sets of tests runs. The ordinary set, `npm test`, holds every promise once. The exhaustive set,
 * `npm run test:exhaustive`, adds the whole matrix: every version of Buildah, all staleness sheets, every fault row, and
 * random seeds that change from run to run. No other file decides what belongs to which set.
 */
export const isExhaustive = process.env['TEST_SET'] === 'exhaustive'

/** All cases in the exhaustive set; in the ordinary set those that `isOrdinary` accepts. */
export function casesOfSet<Case>(all: readonly Case[], isOrdinary: (each: Case, index: number) => boolean): Case[] {
  const cases = all.filter((each, index) => isExhaustive || isOrdinary(each, index))
  if (cases.length === 0) throw new Error('The ordinary set would hold none of these cases')
  return cases
}

/** `describe` in the exhaustive set; nothing, not even a skipped test, in the ordinary set. */
export function describeExhaustively(name: string, body: () => void): void {
  if (isExhaustive) describe(name, body)
}

export type Test = (name: string, body: () => Promise<void> | void, milliseconds?: number) => void

/** The same `test` in the exhaustive set; one that does nothing in the ordinary set. */
export function exhaustively(test: Test): Test {
  return isExhaustive ? test : () => undefined
}

/**
 * The seed of a random test, for its name: always this one in the ordinary set, another each time in the exhaustive set.
 * The environment variable TEST_SEED repeats one.
 */
export function seedOfSet(ordinary: number): number {
  const given = process.env['TEST_SEED']
  if (given !== undefined) return Number(given)
  return isExhaustive ? Date.now() % 1_000_000 : ordinary
}
