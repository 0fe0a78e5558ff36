import { randomInt } from 'node:crypto'

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

/** Ends whatever still sleeps, where a test has failed. For `afterAll`. */
export function wakeAll(): void {
  for (const line of given.flatMap(stillSleeping)) process.kill(Number.parseInt(line), 'SIGKILL')
}
