import { setImmediate as othersTurn } from 'node:timers/promises'
import type { Clock } from '../../src/lib/clock.js'

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
  const alarms = new Map<() => void, number>()
  const ring = () => {
    for (const [act, at] of alarms) {
      if (at > time) continue
      alarms.delete(act)
      act()
    }
  }
  let time = Date.now()
  return {
    waits,
    now: () => time,
    async wait(milliseconds) {
      waits.push(milliseconds)
      time += milliseconds
      ring()
      onWait?.()
      await othersTurn()
    },
    after(milliseconds, act) {
      alarms.set(act, time + milliseconds)
      return () => alarms.delete(act)
    },
    every(_, act) {
      acts.add(act)
      return () => acts.delete(act)
    },
    pass(milliseconds) {
      time += milliseconds
      ring()
      for (const act of acts) act()
    },
  }
}
