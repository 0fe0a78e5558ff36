import type { BuildSpec, Engine, ResolvedEngine } from '../../engine/engine.js'
import type { Comparison } from '../../up-to-date/check.js'
import { baseImages } from '../prepare/base-images.js'
import { buildAndSave, type Built, type Pusher } from './build.js'
import type { ReadyStages } from './built-stages.js'
import { imagesToPull } from './current-images.js'
import { withDiskLine } from './disk-line.js'
import { checkLayers } from './layer-check.js'
import type { PipelineContext } from '../pipeline-context.js'
import type { RestoredCache } from '../cache/restore-cache.js'

/** What a build is done with. */
export interface Building {
  readonly store: ResolvedEngine['store']
  /** Undefined where nothing is compared. */
  readonly comparison: Comparison | undefined
  readonly stages: ReadyStages | undefined
  readonly pipeline: PipelineContext & Pusher
}

/** Builds, checks and pushes, and says what that takes of the disk. */
export async function buildImage(
  engine: Engine,
  spec: BuildSpec,
  restored: RestoredCache,
  { store, comparison, stages, pipeline }: Building,
): Promise<Built> {
  const { inputs, source } = spec
  const named = baseImages(inputs, source, pipeline.workDir.env, stages)
  const asked = inputs.pull || inputs.noCache ? undefined : comparison
  const missing = () => imagesToPull(named, store, restored.warm.root, asked)
  const imageNames = async () => new Set([...(await engine.imageNames()), ...((await stages?.imageNames()) ?? [])])
  const layers = checkLayers(store, restored.warm.root, spec, { comparison, stages, imageNames })
  const request = { ...spec, missing, cache: restored.access, ...layers }
  return await withDiskLine(restored.warm.root, () => buildAndSave(engine, request, restored, pipeline))
}
