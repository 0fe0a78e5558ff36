/** Time, where something waits for it; tests have one that passes when they say so. */
export interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly wait: (milliseconds: number) => Promise<void>
  /** Does something once, later; it keeps the process alive. @returns what calls it off */
  readonly after: (milliseconds: number, act: () => void) => () => void
  /** Does something again and again, without keeping the process alive. @returns what ends it */
  readonly every: (milliseconds: number, act: () => void) => () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds)
    return () => {
      clearTimeout(timer)
    }
  },
  every(milliseconds, act) {
    const timer = setInterval(act, milliseconds)
    timer.unref()
    return () => {
      clearInterval(timer)
    }
  },
}
