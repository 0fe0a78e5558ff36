import type { ResolvedEngine } from '../engine/engine.js'
import type { Comparison } from '../up-to-date/check.js'
import type { Destination } from './destination.js'
import type { Metadata } from './metadata.js'
import type { PendingCache } from './start-cache.js'

/** What is on its way when it is clear that something must be built. */
export interface Prepared {
  readonly engine: ResolvedEngine
  readonly cache: PendingCache
  /** Digests of what is copied from the context, by path. */
  readonly copied: Promise<ReadonlyMap<string, string>>
  /** Undefined where nothing is compared, and so nothing is remembered. */
  readonly comparison: Comparison | undefined
  readonly destination: Destination
  /** All names of the image. */
  readonly metadata: Metadata
}
