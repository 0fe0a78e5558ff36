import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { checkBasePlatforms } from './base-platforms.js'
import { buildTogether } from './build-together.js'
import { tellChecks } from '../prepare/checks.js'
import { findEngine, type Wanted } from '../engine.js'
import { type PushedPlatform, type PutIndex, putIndex } from '../push/image-index.js'
import { makePlatform } from './make-platform.js'
import type { PipelineContext } from '../pipeline-context.js'
import { joinOutputs } from './platform-outputs.js'
import { makeEach } from './platform-schedule.js'
import { settingsOnDemand } from '../prepare/read-settings.js'
import { joinResults, type PlatformResult, type Made } from '../result.js'
import { withSharedStages } from './share-stages.js'

/** Puts the index of images that are pushed, or has another step do so. */
export type PutIndexes = (
  platforms: readonly PushedPlatform[],
  wanted: Wanted,
  pipeline: PipelineContext,
) => ReturnType<PutIndex>

const putOwn: PutIndexes = (all, { metadata }, pipeline) => putIndex(metadata, all, pipeline)

/**
 * Images of several platforms under one index: each is a build of its own, and nothing has a tag before all are there.
 * @param put puts the index, when all are pushed by their digests, where this step isn't all that builds
 */
export async function makePlatforms(
  wanted: Wanted,
  pipeline: PipelineContext,
  put: PutIndexes = putOwn,
): Promise<Made> {
  const { inputs, metadata } = wanted
  const findReady = async () => await (await findEngine(wanted, pipeline)).ready()
  const engine = await pipeline.timeline.during('setup', findReady)
  const putAll: PutIndex = (all) => put(all, wanted, pipeline)
  if (engine.forPlatform === undefined)
    return await buildTogether(wanted, engine, pipeline, put === putOwn ? undefined : putAll)
  await checkBasePlatforms(wanted, engine, pipeline)
  await tellChecks(wanted, engine, settingsOnDemand(wanted, engine, pipeline), pipeline.context)
  const staging = join(pipeline.workDir.path, 'outputs')
  await mkdir(staging, { mode: 0o700 })
  const { value: made, stages } = await withSharedStages(wanted, engine, pipeline, (shared) =>
    makeEach(wanted, engine, (platform) =>
      makePlatform(platform, { wanted, engine, staging, stages: shared }, pipeline),
    ),
  )
  const platforms: readonly PlatformResult[] = made
  const index = inputs.push ? await pipeline.timeline.during('index', () => putAll(platforms)) : undefined
  pipeline.record.add(index ?? {})
  await joinOutputs({ wanted, staging, platforms }, pipeline.context)
  return {
    ...joinResults(platforms, stages),
    ...index,
    metadata: made.find(({ built }) => built) ? metadata : first(made).metadata,
  }
}

function first<T>([one]: readonly T[]): T {
  if (one === undefined) throw new Error('no platform was built')
  return one
}
