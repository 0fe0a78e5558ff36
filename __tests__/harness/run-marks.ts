import { randomInt } from 'node:crypto'

import type { SeenProcess } from './process-watch.js'
import { processesWith } from './processes.js'

/**
 * A number of seconds that nobody else sleeps for. Processes of a RUN step have nothing of the job in their arguments
 * or environment; those that sleep so long are found by it.
 */
export function someSeconds(): string {
  const seconds = String(randomInt(100_000_000, 1_000_000_000))
  given.push(seconds)
  return seconds
}

const given: string[] = []

/** Processes that still sleep so long, `pid: command`. */
export function stillSleeping(seconds: string): string[] {
  return processesWith(seconds)
}

/** Ends what sleeps so long as soon as it is seen: a RUN step that goes on then is there until it was looked at. */
export function wakeOnSight(seconds: string): (seen: SeenProcess) => void {
  return ({ pid, argv }) => {
    if (argv[0] === 'sleep' && argv[1] === seconds) process.kill(pid, 'SIGKILL')
  }
}

/** Ends whatever still sleeps, where a test has failed. For `afterAll`. */
export function wakeAll(): void {
  for (const line of given.flatMap(stillSleeping)) process.kill(Number.parseInt(line), 'SIGKILL')
}
