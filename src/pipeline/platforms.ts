import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedEngine } from '../engine/engine.js'
import { makeWorkDirBelow } from '../engine/work-dir.js'
import { mapConcurrent } from '../lib/concurrency.js'
import { formatPlatform, type Platform, platformFolder } from '../lib/platform.js'
import { withPrefix } from '../log.js'
import { isForeign } from '../runner/platform-inputs.js'
import { checkBasePlatforms } from './base-platforms.js'
import { tellChecks } from './checks.js'
import { tagged, untagged } from './destination.js'
import { findEngine, type Wanted } from './engine.js'
import { hasEmulatedSteps } from './emulated-steps.js'
import { digestsIn, type PutIndex, putIndex } from './image-index.js'
import { type MadeImage, makeImage } from './make-image.js'
import { annotationsFor } from './metadata.js'
import type { PipelineContext } from './pipeline-context.js'
import { failuresOf } from './platform-failures.js'
import { inputsOf, joinOutputs } from './platform-outputs.js'
import { settingsOnDemand } from './read-settings.js'
import { joinResults, type PlatformResult, type Result } from './result.js'
import { withCache } from './start-cache.js'

/** Builds that need no emulator, side by side: more would share the same processors. */
const AT_ONCE = 2

/**
 * Images of several platforms under one index: each is a build of its own, and nothing has a tag before all are there.
 * @param put puts the index, when all are pushed by their digests
 */
export async function makePlatforms(
  wanted: Wanted,
  pipeline: PipelineContext,
  put: PutIndex = (platforms) => putIndex(wanted.metadata, platforms, pipeline),
): Promise<Omit<Result, 'phases'>> {
  const { inputs, metadata } = wanted
  const engine = await pipeline.timeline.during('setup', () => findEngine(wanted, pipeline))
  if (engine.forPlatform === undefined) return await makeTogether(wanted, engine, pipeline)
  await checkBasePlatforms(wanted, engine, pipeline)
  await tellChecks(wanted, engine, settingsOnDemand(wanted, engine, pipeline), pipeline.context)
  const staging = join(pipeline.workDir.path, 'outputs')
  await mkdir(staging, { mode: 0o700 })
  const made = await makeEach(wanted, engine, (platform) => makeOne(platform, { wanted, engine, staging }, pipeline))
  const platforms: readonly PlatformResult[] = made
  const index = inputs.push ? await pipeline.timeline.during('index', () => put(platforms)) : undefined
  await joinOutputs({ wanted, staging, platforms }, pipeline.context)
  return {
    ...joinResults(platforms),
    ...index,
    metadata: made.find(({ built }) => built) ? metadata : first(made).metadata,
  }
}

interface PlatformImage extends PlatformResult, MadeImage {}

/** What all platforms have in common. */
interface Common {
  readonly wanted: Wanted
  readonly engine: ResolvedEngine
  /** Private folder of this process for files that are to become one. */
  readonly staging: string
}

/** By a builder that does it all in one build. */
async function makeTogether(
  wanted: Wanted,
  engine: ResolvedEngine,
  pipeline: PipelineContext,
): Promise<Omit<Result, 'phases'>> {
  const destination = tagged(wanted.metadata.references)
  const made = await withCache(wanted, pipeline, (cache) =>
    makeImage(wanted, { cache, findEngine: () => Promise.resolve(engine), destination, tellsChecks: true }, pipeline),
  )
  // An index has no configuration, by which an image is known.
  return { ...made, imageId: '', platforms: [], ...(await digestsIn(made.pushed, pipeline)) }
}

/**
 * Makes the image of each platform, in an order in which none waits long for nothing.
 * @throws UserError that names each platform that has failed, when all that was begun has ended
 */
async function makeEach(
  wanted: Wanted,
  engine: ResolvedEngine,
  make: (platform: Platform) => Promise<PlatformImage>,
): Promise<PlatformImage[]> {
  const { platforms } = wanted.inputs
  const isEmulated = (platform: Platform) => hasEmulatedSteps(wanted, platform, engine)
  const made = new Map<Platform, PlatformImage>()
  const failures = new Map<Platform, unknown>()
  for (const { platforms: group, atOnce } of schedule(platforms, isEmulated)) {
    if (failures.size > 0) break
    await mapConcurrent(group, atOnce, async (platform) => {
      try {
        made.set(platform, await withPrefix(formatPlatform(platform), () => make(platform)))
      } catch (error) {
        failures.set(platform, error)
        throw error
      }
    }).catch(() => undefined)
  }
  if (failures.size > 0) throw failuresOf(failures)
  return platforms.flatMap((platform) => made.get(platform) ?? [])
}

/** Platforms that are built at the same time. */
export interface Group {
  readonly platforms: readonly Platform[]
  readonly atOnce: number
}

/**
 * Which platforms are built when: first those that need no emulator, the machine's own before others; then the others, each
 * alone, since one takes all processors. Pure.
 */
export function schedule(platforms: readonly Platform[], isEmulated: (platform: Platform) => boolean): Group[] {
  const quick = platforms.filter((one) => !isEmulated(one))
  const ordered = [...quick.filter((one) => !isForeign(one)), ...quick.filter(isForeign)]
  return [
    { platforms: ordered, atOnce: AT_ONCE },
    { platforms: platforms.filter(isEmulated), atOnce: 1 },
  ].filter((group) => group.platforms.length > 0)
}

async function makeOne(
  platform: Platform,
  { wanted, engine, staging }: Common,
  pipeline: PipelineContext,
): Promise<PlatformImage> {
  const inputs = inputsOf(platform, wanted.inputs, staging)
  const own = {
    ...wanted,
    inputs,
    metadata: { ...wanted.metadata, annotations: annotationsFor(wanted.metadata, platform) },
  }
  const workDir = await makeWorkDirBelow(pipeline.workDir, platformFolder(platform), pipeline.context.env)
  const there = { ...pipeline, workDir, timeline: pipeline.timeline.of(formatPlatform(platform)) }
  const findIt = async () => (await engine.forPlatform?.(inputs, workDir)) ?? engine
  const destination = untagged(own.metadata.references)
  const made = await withCache(own, there, (cache) =>
    makeImage(own, { cache, findEngine: findIt, destination, tellsChecks: false }, there),
  )
  return { ...made, platform }
}

function first<T>([one]: readonly T[]): T {
  if (one === undefined) throw new Error('no platform was built')
  return one
}
