import type { EngineFacts, Image, Pushed } from '../engine/engine.js'
import type { Step } from '../engine/progress.js'
import { type CacheReport, reportUnchanged } from '../report/cache-stats.js'
import type { Phase } from '../report/timeline.js'
import type { Unchanged } from '../up-to-date/reuse.js'
import { asBuilt, type Metadata } from './metadata.js'

/** What the step did. */
export interface Result {
  readonly metadata: Metadata
  /** False where it was the image of an earlier run, or a dry run. */
  readonly built: boolean
  /** When an earlier run built it; undefined if this one did. */
  readonly builtEarlier?: Date
  /** '' in a dry run. */
  readonly imageId: string
  /** Of the image; undefined if that isn't known. */
  readonly size?: Image['size']
  readonly pushed: readonly Pushed[]
  readonly engine: EngineFacts
  readonly cache: CacheReport
  /** Path of a storage.conf(5) by which later steps find the image where it was built; '' if there is none. */
  readonly storageConf: string
  /** Of the build, in their order; empty where nothing was built. */
  readonly steps: readonly Step[]
  readonly phases: readonly Phase[]
}

/** Of an image that needn't be built. @param requests calls to the cache service */
export function reusedResult(
  { build, pushed }: Unchanged,
  metadata: Metadata,
  engine: EngineFacts,
  requests: number,
): Omit<Result, 'phases'> {
  const { imageId, steps, seconds, builtAt, said } = build
  return {
    metadata: asBuilt(metadata, said),
    built: false,
    builtEarlier: new Date(builtAt),
    imageId,
    pushed,
    engine,
    cache: reportUnchanged(steps, seconds, requests),
    storageConf: '',
    steps: [],
  }
}
