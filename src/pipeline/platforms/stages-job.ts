import type { Analysis } from '../../dockerfile/analysis.js'
import { neededStages } from '../../dockerfile/dependencies.js'
import { targetIndex } from '../../dockerfile/dockerfile.js'
import { type SharedStage, sharedStages } from '../../dockerfile/shared-stages.js'
import type { ResolvedEngine } from '../../engine/engine.js'
import { nativePlatform } from '../../lib/platform.js'
import { isAttested } from '../../runner/attestation-inputs.js'
import { analysisOf } from '../../source/analysis.js'
import { untrackedInput } from '../../up-to-date/untracked-input.js'
import type { Wanted } from '../engine.js'

/** What is built once for several platforms. */
export interface StagesJob {
  readonly wanted: Wanted
  readonly engine: ResolvedEngine
  /** In their order; not empty. */
  readonly stages: readonly SharedStage[]
  /** What they are called in the log and the summary: `stage build`. */
  readonly label: string
}

/** What can be built once; undefined where nothing can, or there is one platform. Pure. */
export function findStagesJob(wanted: Wanted, engine: ResolvedEngine): StagesJob | undefined {
  const { inputs, source } = wanted
  // What arguments of the user do, may be done once only, or once for each platform.
  const isTracked = inputs.extraArgs.length === 0 && untrackedInput(inputs, source) === undefined
  if (!engine.takesStages || inputs.platforms.length < 2 || !isTracked) return undefined
  // What is attached to an image names all that it was built of, as it lies in one storage.
  if (isAttested(inputs)) return undefined
  const analysis = analysisOf(inputs, source.dockerfile, engine.env)
  const stages = sharedStages(analysis, targetIndex(source.dockerfile, source.target), nativePlatform())
  if (stages.length === 0 || (inputs.noCache && haveCommon(analysis, stages))) return undefined
  return { wanted, engine, stages, label: `stage ${stages.map(({ name }) => name).join(', ')}` }
}

/** Whether two of them need the same stage: where no step is reused, it is built for each, and may be another one. */
function haveCommon(analysis: Analysis, stages: readonly SharedStage[]): boolean {
  const needed = stages.flatMap(({ index }) => neededStages(analysis, index))
  return new Set(needed).size < needed.length
}
