import { type Clock, systemClock } from './clock.js'

/** The time that a phase may take at most: nothing waits for ever. */
export interface Limit {
  readonly isOver: () => boolean
  /** What it gives, or rejects with the error of the limit where the time is over before. */
  readonly within: <T>(work: Promise<T>) => Promise<T>
  readonly close: () => void
}

/**
 * Begins to count.
 * @param onEnd ends what is still going on
 */
export function startLimit(
  milliseconds: number,
  error: () => Error,
  onEnd: () => Promise<void>,
  clock: Clock = systemClock,
): Limit {
  let isOver = false
  let tell: (error: Error) => void = () => undefined
  const over = new Promise<never>((_, reject) => {
    tell = reject
  })
  // Nobody may be waiting for it.
  over.catch(() => undefined)
  const close = clock.after(milliseconds, () => {
    isOver = true
    tell(error())
    void onEnd().catch(() => undefined)
  })
  return { isOver: () => isOver, within: (work) => Promise.race([work, over]), close }
}

/** `2m`, `90s`, as an input has it. Pure. */
export function formatLimit(milliseconds: number): string {
  const minutes = milliseconds / 60_000
  return Number.isInteger(minutes) ? `${minutes}m` : `${Math.round(milliseconds / 1000)}s`
}
