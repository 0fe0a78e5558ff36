import type { Comparison } from '../../up-to-date/check.js'
import type { StagesOnDemand } from './built-stages.js'
import type { Destination } from '../push/destination.js'
import type { Metadata } from '../prepare/metadata.js'
import type { Coming } from '../cache/restore-cache.js'

/** What is on its way when it is clear that something must be built, with what becomes of the image. */
export interface Prepared extends Coming {
  /** Undefined where nothing is compared, and so nothing is remembered. */
  readonly comparison: Comparison | undefined
  readonly destination: Destination
  /** All names of the image. */
  readonly metadata: Metadata
  /** Stages that several builds have in common; absent where there are none. */
  readonly stages?: StagesOnDemand | undefined
}
