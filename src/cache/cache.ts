import type { RecordedStep } from '../dockerfile/recorded-steps.js'
import { info, warn } from '../log.js'
import type { OciLayout, ContainersStorage } from '../build-storage.js'
import { formatBytes, formatCount } from '../lib/format.js'
import { NO_NOTE, type BuildRecordStore } from './note.js'
import type { Keys } from './containers-storage/select.js'

/** Where the steps of earlier runs are, before it is known where this one builds. */
export interface Cache {
  /**
   * Gives the build a storage root with all that these keys find in it.
   * @param keys of the steps that are going to be built
   * @param root an empty folder of the account, for a root that doesn't stay
   */
  open(store: ContainersStorage, keys: Keys, root: string): Promise<Warm>
  /**
   * Gives the build a folder with the steps that the last run has left there. Never rejects.
   * @param root an empty folder of this process, for one that doesn't stay
   */
  openBlobs(blobs: OciLayout, root: string): Promise<Warm>
  readonly note: BuildRecordStore
  /** Calls to a cache service so far. */
  requests(): number
  /** Gives up what is under way, and lets go of what is held. */
  close(): Promise<void>
}

/** A storage root with what earlier runs left in it. */
export interface Warm {
  /** Absolute. */
  readonly root: string
  readonly restored: Restored
  /** Names of base images that have changed in what Buildah doesn't compare. */
  changedBaseImages(): Promise<readonly string[]>
  /**
   * Empties the root, and forgets what came back, for a build that could not do with it; undefined where nothing came
   * back.
   */
  readonly clear: (() => Promise<void>) | undefined
  /** Keeps what a build has left in the root, also one that failed. Never throws. */
  keep(run: Run): Promise<Saved>
}

export interface Restored {
  /** Images of steps that are offered to the build. */
  readonly images: number
  readonly parts: number
  /** Compressed, as they were fetched. */
  readonly bytes: number
  readonly seconds: number
  /** Seconds that the steps of the offered images took when they ran, by key. */
  readonly stepSeconds: ReadonlyMap<string, number>
  /** What didn't come back, and why: one sentence a cause, the first letter small. */
  readonly failures: readonly string[]
}

export interface Run {
  readonly steps: readonly RecordedStep[]
  /** Names that the image got. */
  readonly ours: readonly string[]
  /** Digest over what was pushed where; undefined where nothing was. */
  readonly pushed: string | undefined
  /** It failed, or was cancelled: then nothing shall take time now. */
  readonly failed: boolean
}

export interface Saved {
  readonly parts: number
  readonly bytes: number
  readonly seconds: number
  readonly failures: readonly string[]
  /** Path of a file that says what is left to do after the step; undefined when all is done. */
  readonly later: string | undefined
}

export const NOTHING_RESTORED: Restored = {
  ...{ images: 0, parts: 0, bytes: 0, seconds: 0 },
  stepSeconds: new Map(),
  failures: [],
}
export const NOTHING_SAVED: Saved = { parts: 0, bytes: 0, seconds: 0, failures: [], later: undefined }

/** The cache of a build that has none: an empty root, of which nothing is kept. */
export const EMPTY_CACHE: Cache = {
  open: (_store, _keys, root) => Promise.resolve(emptyCacheIn(root)),
  openBlobs: (_blobs, root) => Promise.resolve(emptyCacheIn(root)),
  note: NO_NOTE,
  requests: () => 0,
  close: () => Promise.resolve(),
}

/** A root in which nothing came back, and of which nothing is kept. */
export function emptyCacheIn(root: string): Warm {
  return {
    root,
    restored: NOTHING_RESTORED,
    changedBaseImages: () => Promise.resolve([]),
    clear: undefined,
    keep: () => Promise.resolve(NOTHING_SAVED),
  }
}

/** Says what was kept, and what was not. */
export function saySaved({ parts, bytes, seconds, failures, later }: Saved): void {
  if (later !== undefined) info('Cache: what is new is kept when the job has ended')
  else if (parts > 0)
    info(`Cache: kept ${formatBytes(bytes)} in ${formatCount(parts, 'part')}, in ${seconds.toFixed(1)} s`)
  for (const failure of failures) warn(`Cache: ${failure}`)
}
