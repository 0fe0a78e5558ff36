import { mkdtemp } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Cache, EMPTY_CACHE } from '../../cache/cache.js'
import { type CachePlan, type CacheRequest, planCache } from '../../cache/plan.js'
import { keepForRunner, keepForSelf } from '../../engine/keeper.js'
import { PREFIX } from '../../engine/work-dir.js'
import { info } from '../../log.js'
import { digestCopied } from '../../source/copied-digests.js'
import type { Source } from '../../source/source.js'
import type { Wanted } from '../engine.js'
import { type PipelineContext, repositoryAccess } from '../pipeline-context.js'

/** A cache that looks already for what earlier runs have left. */
export interface PendingCache {
  readonly plan: CachePlan
  readonly cache: Cache
  /** Private folder of this process for what comes and goes; undefined if nothing does. */
  readonly stagingDir: string | undefined
}

/** Decides on the cache, and starts to look for what earlier runs have left. */
export async function startCache(request: CacheRequest, pipeline: PipelineContext): Promise<PendingCache> {
  const plan = sayPlan(request)
  if (!plan.isStored) return { plan, cache: EMPTY_CACHE, stagingDir: undefined }
  // Next to the folder of the build, so that what goes from one to the other is only renamed.
  const stagingDir = await mkdtemp(join(dirname(pipeline.workDir.path), `${PREFIX}cache-`))
  await keepForSelf(stagingDir)
  pipeline.services.remember({ stagingDirs: [stagingDir] })
  return {
    plan,
    cache: pipeline.services.caches.open(
      plan,
      request,
      stagingDir,
      repositoryAccess(pipeline, request.inputs.cache.insecure),
    ),
    stagingDir,
  }
}

/** What a cache is for. */
interface Cached extends Pick<Wanted, 'inputs' | 'metadata'>, Pick<CacheRequest, 'isOfStages'> {}

/** Opens the cache of an image, or of stages that several share, and lets go of it. */
export async function withCache<T>(
  { inputs, metadata: { repositories }, isOfStages = false }: Cached,
  pipeline: PipelineContext,
  work: (cache: PendingCache) => Promise<T>,
): Promise<T> {
  const cache = await startCache({ inputs, context: pipeline.context, repositories, isOfStages }, pipeline)
  try {
    return await work(cache)
  } finally {
    await cache.cache.close()
    if (cache.stagingDir !== undefined) await keepForRunner(cache.stagingDir)
  }
}

/** The same decision, with a cache that has nothing and keeps nothing. */
export function pretendCache(request: CacheRequest): PendingCache {
  return { plan: sayPlan(request), cache: EMPTY_CACHE, stagingDir: undefined }
}

function sayPlan(request: CacheRequest): CachePlan {
  const plan = planCache(request)
  for (const note of plan.notes) info(note)
  return plan
}

/** What is copied from the context, where it pays to know: a layer that can't be a hit need not be fetched, nor checked. */
export async function lookAtContext({ plan }: PendingCache, source: Source): Promise<ReadonlyMap<string, string>> {
  return plan.isStored && plan.read ? await digestCopied(source) : new Map()
}
