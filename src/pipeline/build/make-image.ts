import type { FoundEngine } from '../../engine/engine.js'
import { startWatch } from '../../up-to-date/watch.js'
import { tellChecks } from '../prepare/checks.js'
import type { Destination } from '../push/destination.js'
import type { Wanted } from '../engine.js'
import type { PipelineContext } from '../pipeline-context.js'
import type { Prepared } from './prepared.js'
import { settingsOnDemand } from '../prepare/read-settings.js'
import { lookAtContext, type PendingCache } from '../cache/start-cache.js'
import { type MadeImage, takeOrBuild } from './take-or-build.js'

/** How an image is made. */
export interface Making {
  readonly cache: PendingCache
  /** Looks for what builds. */
  readonly findEngine: () => Promise<FoundEngine>
  readonly destination: Destination
  readonly stages?: Prepared['stages']
  /** Whether it is the build that tells what the checks of the Dockerfile find. */
  readonly tellsChecks: boolean
}

/** Takes the image of an earlier run, or builds one. */
export async function makeImage(wanted: Wanted, making: Making, pipeline: PipelineContext): Promise<MadeImage> {
  const { cache, findEngine, tellsChecks } = making
  const watch = startWatch(wanted, cache, pipeline.context, pipeline.workDir.env)
  if (watch !== undefined) pipeline.services.registries.load()
  const copied = watch?.copied ?? lookAtContext(cache, wanted.source)
  const found = await findEngine()
  const settings = settingsOnDemand(wanted, found, pipeline)
  if (tellsChecks) await tellChecks(wanted, found, settings, pipeline.context)
  return await takeOrBuild(found, wanted, { ...making, watch, copied, settings }, pipeline)
}
