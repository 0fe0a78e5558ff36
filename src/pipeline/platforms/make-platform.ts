import type { ResolvedEngine } from '../../engine/engine.js'
import { asReady } from '../../engine/ready.js'
import { makeWorkDirBelow } from '../../engine/work-dir.js'
import { formatPlatform, type Platform, platformFolder } from '../../lib/platform.js'
import { annotationsFor } from '../prepare/annotations.js'
import { untagged } from '../push/destination.js'
import type { Wanted } from '../engine.js'
import { makeImage, type Making } from '../build/make-image.js'
import type { PipelineContext } from '../pipeline-context.js'
import { inputsOf } from './platform-outputs.js'
import type { PlatformResult } from '../result.js'
import { withCache } from '../cache/start-cache.js'

type PlatformImage = PlatformResult & Awaited<ReturnType<typeof makeImage>>

/** What all platforms have in common. */
export interface Common {
  readonly wanted: Wanted
  readonly engine: ResolvedEngine
  /** Private folder of this process for files that are to become one. */
  readonly staging: string
  readonly stages: Making['stages']
}

/** Makes the image of one of several platforms, and pushes it by its digest. */
export async function makePlatform(
  platform: Platform,
  { wanted, engine, staging, stages }: Common,
  pipeline: PipelineContext,
): Promise<PlatformImage> {
  const inputs = inputsOf(platform, wanted.inputs, staging)
  const own = {
    ...wanted,
    inputs,
    metadata: { ...wanted.metadata, annotations: annotationsFor(wanted.metadata, platform) },
  }
  const workDir = await makeWorkDirBelow(pipeline.workDir, platformFolder(platform), pipeline.context.env)
  const record = pipeline.record.ofBuild()
  record.add({ platform })
  const there = { ...pipeline, workDir, record, timeline: pipeline.timeline.of(formatPlatform(platform)) }
  const findIt = async () => asReady((await engine.forPlatform?.(inputs, workDir)) ?? engine)
  const destination = untagged(own.metadata.references)
  const made = await withCache(own, there, (cache) =>
    makeImage(own, { cache, findEngine: findIt, destination, stages, tellsChecks: false }, there),
  )
  record.add(made)
  return { ...made, platform }
}
