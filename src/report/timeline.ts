/** The phase that the steps are shown in. */
export const BUILD = 'build'
/** The phase in which commands run in containers of the image. */
export const TEST = 'test'

/** A phase of the step, as it was measured. */
export interface Phase {
  readonly name: string
  /** Of which of several builds it is, `linux/arm64`; undefined where it is the step's own. */
  readonly platform?: string
  /** Seconds since the pass began. */
  readonly started: number
  readonly seconds: number
  /** Absent where it has succeeded. */
  readonly failed?: true
}

export interface Timeline {
  /** Runs a phase and remembers how long it took, also when it fails. */
  readonly during: <T>(name: string, work: () => Promise<T>) => Promise<T>
  /** Those that are over, in the order in which they ended. */
  readonly phases: () => readonly Phase[]
  /** The same timeline, for the phases of one of several builds. */
  readonly of: (platform: string) => Timeline
}

/**
 * Begins to measure.
 * @param clock milliseconds
 */
export function startTimeline(clock: () => number): Timeline {
  const begun = clock()
  const phases: Phase[] = []
  const timelineOf = (platform: Pick<Phase, 'platform'>): Timeline => ({
    async during(name, work) {
      const started = clock()
      const end = (failed?: Pick<Phase, 'failed'>) =>
        phases.push({
          name,
          ...platform,
          started: (started - begun) / 1000,
          seconds: (clock() - started) / 1000,
          ...failed,
        })
      try {
        const value = await work()
        end()
        return value
      } catch (error) {
        end({ failed: true })
        throw error
      }
    },
    phases: () => phases,
    of: (name) => timelineOf({ platform: name }),
  })
  return timelineOf({})
}
