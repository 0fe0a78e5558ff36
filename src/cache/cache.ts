import type { RecordedStep } from '../dockerfile/recorded-steps.js'
import { result, warn } from '../log.js'
import type { ContainersStorage, OciLayout } from '../build-storage.js'
import { formatBytes, formatCount } from '../lib/format.js'
import { type BuildRecordStore, NO_RECORDS } from './build-records.js'
import type { Keys } from './containers-storage/select.js'
import { failureOf } from './errors.js'
import type { SkeletonTerms } from './skeletons.js'

/** Where the steps of earlier runs are, before it is known where this one builds. */
export interface Cache {
  /**
   * Where the build is going to have its root, unless something stops that. Never rejects.
   * @param root as for `restore`
   * @returns absolute path of a folder that is there; undefined where only `restore` can tell
   */
  rootFor(storage: ContainersStorage | OciLayout, root: string): Promise<string | undefined>
  /**
   * Gives the build a root with what earlier runs have left for it. Never rejects.
   * @param keys of the steps that are going to be built; of no use to an engine that compares them itself
   * @param root an empty folder of the account that builds, for a root that doesn't stay
   * @param terms undefined where every layer is needed whole; never rejects
   */
  restore(
    storage: ContainersStorage | OciLayout,
    keys: Keys,
    root: string,
    terms?: Promise<SkeletonTerms | undefined>,
  ): Promise<RestoredStorage>
  readonly records: BuildRecordStore
  /** Calls to a cache service so far. */
  requests(): number
  /** Gives up what is under way, and lets go of what is held. */
  close(): Promise<void>
}

/** A root with what earlier runs left in it. */
export interface RestoredStorage {
  /** Absolute. */
  readonly root: string
  readonly restored: Restored
  /** The engine has its steps in a storage that stays as long as the cache: nothing is restored, and nothing saved. */
  readonly staysInEngine: boolean
  /** Names of base images that have changed in what Buildah doesn't compare. */
  changedBaseImages(): Promise<readonly string[]>
  /**
   * Empties the root, and forgets what came back, for a build that could not do with it; undefined if nothing came
   * back.
   */
  readonly clear: (() => Promise<void>) | undefined
  /** What of the root has no content now; undefined if all is whole. */
  skeletons(): Skeletons | undefined
  /** Undefined where all is packed at the end. */
  readonly ahead?: Ahead | undefined
  /** Saves what a build has left in the root, also one that failed. Never rejects. */
  save(run: Run): Promise<Saved>
}

/** What packs layers before the build and the push are over. Whatever goes wrong there, only less is packed. */
export interface Ahead {
  /** Packs what is finished by now; to be called when a step has ended. Never rejects. */
  look(): Promise<void>
  /** Begins nothing more. */
  stop(): void
  /** Packs and sends what the build has left, while it is pushed; only what is quickly done. Never rejects. */
  finish(run: Omit<Run, 'pushed' | 'failed'>): Promise<void>
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
  /** What didn't come back, and why: one sentence per cause. */
  readonly failures: readonly string[]
}

/** Layers of a root that came back as skeletons. */
export interface Skeletons {
  /** Ids. */
  readonly layers: ReadonlySet<string>
  /** Indices of the stages that stand on them. */
  readonly stages: ReadonlySet<number>
  /** Bytes that were not fetched for it. */
  readonly savedBytes: number
  /** Why what a build has made of them isn't to be used; undefined if it is. @throws Error if that can't be told */
  findContent(): Promise<string | undefined>
  /**
   * Empties the root, and brings everything back whole; from then on it has no skeletons.
   * @returns what came back
   * @throws Error if the root can't be emptied
   */
  replace(): Promise<Restored>
}

export interface Run {
  readonly steps: readonly RecordedStep[]
  /** Names that the image got. */
  readonly ours: readonly string[]
  /** Id of the image, 64 hexadecimal digits; undefined if there is none. */
  readonly imageId?: string | undefined
  /** Digest over what was pushed where; undefined if nothing was. */
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

/** The cache of a build without one: an empty root, and nothing is saved. */
export const EMPTY_CACHE: Cache = {
  rootFor: (_storage, root) => Promise.resolve(root),
  restore: (_storage, _keys, root) => Promise.resolve(emptyStorage(root)),
  records: NO_RECORDS,
  requests: () => 0,
  close: () => Promise.resolve(),
}

/** An empty root, nothing of which is saved. */
export function emptyStorage(root: string, failures: readonly string[] = []): RestoredStorage {
  return {
    root,
    restored: { ...NOTHING_RESTORED, failures },
    staysInEngine: false,
    changedBaseImages: () => Promise.resolve([]),
    clear: undefined,
    skeletons: () => undefined,
    save: () => Promise.resolve(NOTHING_SAVED),
  }
}

/** What the work has restored, with the time that it took; where it fails, an empty root, and why. */
export async function restoredOrEmpty(root: string, work: () => Promise<RestoredStorage>): Promise<RestoredStorage> {
  const started = Date.now()
  try {
    const storage = await work()
    return { ...storage, restored: { ...storage.restored, seconds: (Date.now() - started) / 1000 } }
  } catch (error) {
    return emptyStorage(root, [failureOf(error)])
  }
}

/** What the work has saved; where it fails, nothing, and why. */
export async function savedOrFailure(work: () => Promise<Saved>): Promise<Saved> {
  return await work().catch((error: unknown) => ({ ...NOTHING_SAVED, failures: [failureOf(error)] }))
}

/** Says what was saved, and what was not. */
export function reportSaved({ parts, bytes, seconds, failures, later }: Saved): void {
  if (later !== undefined) result('Cache: new layers will be saved in the post step')
  else if (parts > 0)
    result(`Cache saved: ${formatBytes(bytes)} in ${formatCount(parts, 'part')}, ${seconds.toFixed(1)} s`)
  for (const failure of failures) warn(`Cache: ${failure}`)
}
