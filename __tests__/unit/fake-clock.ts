import { setImmediate as othersTurn } from 'node:timers/promises'
import type { Clock } from '../../src/clock.js'

/** A clock that nobody waits for. */
export interface FakeClock extends Clock {
  /** What was waited for so far, in milliseconds. */
  readonly waits: readonly number[]
  /** Time goes on, and what is done again and again is done once. */
  pass(milliseconds: number): void
}

/** Starts at the time of the machine, which those of files are compared with. @param onWait is done while it waits */
export function fakeClock(onWait?: () => void): FakeClock {
  const waits: number[] = []
  const acts = new Set<() => void>()
  let time = Date.now()
  return {
    waits,
    now: () => time,
    async wait(milliseconds) {
      waits.push(milliseconds)
      time += milliseconds
      onWait?.()
      await othersTurn()
    },
    every(_, act) {
      acts.add(act)
      return () => acts.delete(act)
    },
    pass(milliseconds) {
      time += milliseconds
      for (const act of acts) act()
    },
  }
}
