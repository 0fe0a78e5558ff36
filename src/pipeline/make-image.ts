import type { ResolvedEngine } from '../engine/engine.js'
import { startWatch } from '../up-to-date/watch.js'
import { tellChecks } from './checks.js'
import type { Destination } from './destination.js'
import { specify, type Wanted } from './engine.js'
import type { Metadata } from './metadata.js'
import { openRegistries, type PipelineContext } from './pipeline-context.js'
import { type Prepared, produce } from './produce.js'
import { settingsOnDemand } from './read-settings.js'
import { type ImageResult, reusedResult } from './result.js'
import { settleFormat } from './settle-format.js'
import { lookAtContext, type PendingCache } from './start-cache.js'

/** How an image is made. */
export interface Making {
  readonly cache: PendingCache
  /** Looks for what builds. */
  readonly findEngine: () => Promise<ResolvedEngine>
  readonly destination: Destination
  readonly stages?: Prepared['stages']
  /** Whether it is the build that tells what the checks of the Dockerfile find. */
  readonly tellsChecks: boolean
}

/** An image with what it is called; of an earlier run it says what that was built of. */
export interface MadeImage extends ImageResult {
  readonly metadata: Metadata
}

/** Takes the image of an earlier run, or builds one. */
export async function makeImage(wanted: Wanted, making: Making, pipeline: PipelineContext): Promise<MadeImage> {
  const { metadata, source } = wanted
  const { cache, findEngine, destination, stages } = making
  const watch = startWatch(wanted, cache, pipeline.context, pipeline.workDir.env)
  if (watch !== undefined) pipeline.services.registries.load()
  const copied = watch?.copied ?? lookAtContext(cache, source)
  const engine = await findEngine()
  const settings = settingsOnDemand(wanted, engine, pipeline)
  if (making.tellsChecks) await tellChecks(wanted, engine, settings, pipeline.context)
  const { references } = destination
  const spec = { ...specify(wanted, engine), references }
  const comparison = await watch?.compare(spec, metadata.ofCommit, engine, (insecure) =>
    openRegistries(pipeline, insecure),
  )
  try {
    const same = await comparison?.find()
    if (same !== undefined) return reusedResult(same, metadata, engine.engine, cache.cache.requests())
    const format = await settleFormat(wanted, engine, settings)
    const settled = specify({ ...wanted, format }, engine)
    const produced = await produce(settled, { engine, cache, copied, comparison, destination, stages }, pipeline)
    return { ...produced, metadata, built: true }
  } finally {
    comparison?.close()
  }
}
