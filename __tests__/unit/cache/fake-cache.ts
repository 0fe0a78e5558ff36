import { randomUUID } from 'node:crypto'
import type { Cache, Restored, Run, Saved } from '../../../src/cache/cache.js'
import { NOTHING_RESTORED, NOTHING_SAVED } from '../../../src/cache/cache.js'
import type { Caches } from '../../../src/cache/open.js'
import type { CachePlan } from '../../../src/cache/plan.js'
import type { Meeting, MeetingKey } from '../../../src/cache/meeting.js'

/** What a fake cache holds between runs, and what it does otherwise than well. */
export interface FakeCacheOptions {
  /** What it was asked, in order: `open`, `restore`, `keep`, `keep failed`, `clear`, `close`. */
  readonly events?: string[]
  /** What the runs leave for one another. */
  readonly memory?: FakeMemory
  readonly restore?: () => Promise<Partial<Restored>>
  readonly keep?: (run: Run) => Promise<Partial<Saved>>
  readonly changedBaseImages?: readonly string[]
  /** What steps of a run have left for one another, by the names of entries. */
  readonly meetings?: Map<string, string>
}

export interface FakeMemory {
  /** The build record. */
  record?: string
  /** What was kept of each run. */
  readonly runs: Run[]
}

/** Caches in memory. Held to the real ones by `cacheContract()`. */
export function fakeCaches(options: FakeCacheOptions = {}): Caches {
  return {
    prepare: () => () => undefined,
    open: (plan) => fakeCache(plan, options),
    openMeeting: (_context, key) => fakeMeeting(key, options.meetings ?? new Map<string, string>()),
  }
}

export function fakeCache({ read, write }: Pick<CachePlan, 'read' | 'write'>, options: FakeCacheOptions = {}): Cache {
  const { events = [], memory = { runs: [] }, changedBaseImages = [] } = options
  events.push('open')
  const open = async (root: string) => {
    events.push('restore')
    const seconds = new Map(
      read ? memory.runs.flatMap(({ steps }) => steps.map((one) => [one.key, one.seconds] as const)) : [],
    )
    const restored: Restored = {
      ...NOTHING_RESTORED,
      images: seconds.size,
      stepSeconds: seconds,
      ...(await options.restore?.()),
    }
    return {
      root,
      restored,
      staysInEngine: false,
      changedBaseImages: () => Promise.resolve(changedBaseImages),
      skeletons: () => undefined,
      clear: restored.images === 0 ? undefined : () => Promise.resolve(void events.push('clear')),
      async save(run: Run) {
        events.push(run.failed ? 'keep failed' : 'keep')
        if (write) memory.runs.push(run)
        return { ...NOTHING_SAVED, ...(await options.keep?.(run)) }
      },
    }
  }
  return {
    rootFor: (_storage, root) => Promise.resolve(root),
    restore: (_storage, _keys, root) => open(root),
    records: {
      read: () => Promise.resolve(read ? memory.record : undefined),
      write(text) {
        if (write) memory.record = text
        return Promise.resolve(write)
      },
    },
    requests: () => 0,
    close: () => Promise.resolve(void events.push('close cache')),
  }
}

/** Where the steps of a run meet, in memory. Held to the real one by `meetingContract()`. */
export function fakeMeeting({ run, attempt, join, platforms }: MeetingKey, entries: Map<string, string>): Meeting {
  const put = (name: string, text: string) => {
    if (entries.has(name)) return 'taken'
    entries.set(name, text)
    return 'stored'
  }
  const self = randomUUID()
  const signatures = new Set<string>()
  const numbers = Array.from({ length: platforms }, (_, index) => index + 1)
  const nameOf = (number: number) => `${run} ${join} #${number}`
  return {
    leave: (platform, text) => Promise.resolve(put(`${run} ${join} ${platform} ${attempt} ${self}`, text)),
    takeNumber(platform) {
      signatures.add(`${platform} ${self}`)
      const taken = numbers.find((number) => put(nameOf(number), `${platform} ${self}`) === 'stored')
      return Promise.resolve(taken ?? 'none')
    },
    hasLostNumber() {
      const seen = numbers.map((number) => entries.get(nameOf(number)) ?? '').filter((text) => text !== '')
      return Promise.resolve(seen.length > 0 && new Set([...seen, ...signatures]).size < platforms)
    },
    find: (platform) =>
      Promise.resolve([...entries].findLast(([name]) => name.startsWith(`${run} ${join} ${platform} `))?.[1]),
    failures: () => [],
    close: () => undefined,
  }
}
