import type { BuildRecordStore } from '../cache/build-records.js'
import type { BaseNames } from '../engine/base-names.js'
import type { BuildSpec, KnownEngine } from '../engine/engine.js'
import type { CommitLabels } from '../metadata/commit.js'
import type { Registries } from '../registry/registries.js'
import type { Inspection } from './inspection.js'

/** What is compared with what earlier runs have built. */
export interface ComparisonRequest extends BuildSpec {
  /** When the step was started. */
  readonly now: Date
  readonly ofCommit: CommitLabels
  readonly inspection: Inspection
  readonly found: Pick<KnownEngine, 'engine' | 'traits' | 'env' | 'ambiguityOf'>
  readonly baseNames: BaseNames
  readonly registries: Registries
  readonly note: BuildRecordStore
  /** What the note of earlier runs says, as far as that is known. */
  readonly remembered: Promise<string | undefined>
}

/** How old a build may be that still counts. */
export function limitsOf({ inputs, now }: ComparisonRequest): { readonly now: number; readonly ttlMs: number } {
  return { now: now.getTime(), ttlMs: inputs.cache.ttlMs }
}
