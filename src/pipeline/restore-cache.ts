import { mkdtemp } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ContainersStorage, OciLayout } from '../build-storage.js'
import { type Cache, EMPTY_CACHE, type RestoredStorage } from '../cache/cache.js'
import { type CachePlan, type CacheRequest, planCache } from '../cache/open.js'
import { targetIndex } from '../dockerfile/dockerfile.js'
import { type StageKeys, stepKeys } from '../dockerfile/step-keys.js'
import type { BuildRequest } from '../engine/engine.js'
import { keepForSelf } from '../engine/keeper.js'
import { PREFIX, privateRoot } from '../engine/work-dir.js'
import { formatBytes, formatCount } from '../lib/format.js'
import { info, result, warn } from '../log.js'
import { analysisOf } from '../source/analysis.js'
import { digestCopied } from '../source/copied-digests.js'
import type { Source } from '../source/source.js'
import { type Building, stepInputsOf, untrackedInput } from '../up-to-date/step-inputs.js'
import { type PipelineContext, repositoryAccess } from './pipeline-context.js'

/** A cache that looks already for what earlier runs have left. */
export interface PendingCache {
  readonly plan: CachePlan
  readonly cache: Cache
  /** Private folder of this process for what comes and goes; undefined if nothing does. */
  readonly stagingDir: string | undefined
}

/** A cache with a root that can be built in. */
export interface RestoredCache extends PendingCache {
  readonly warm: RestoredStorage
  /** Of the steps as they are in the Dockerfile, by stage; empty for an engine that has none. */
  readonly keys: readonly StageKeys[]
  /** Whether the engine may take steps of earlier builds, and shall keep those of this one. */
  readonly access: BuildRequest['cache']
}

/** Decides on the cache, and starts to look for what earlier runs have left. */
export async function startCache(request: CacheRequest, pipeline: PipelineContext): Promise<PendingCache> {
  const plan = sayPlan(request)
  if (!plan.isStored) return { plan, cache: EMPTY_CACHE, stagingDir: undefined }
  // Next to the folder of the build, so that what goes from one to the other is only renamed.
  const stagingDir = await mkdtemp(join(dirname(pipeline.workDir.path), `${PREFIX}cache-`))
  await keepForSelf(stagingDir)
  pipeline.services.remember({ stagingDir })
  return {
    plan,
    cache: pipeline.services.caches.open(plan, request, stagingDir, repositoryAccess(pipeline)),
    stagingDir,
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

/**
 * Fills the storage with what earlier runs have left of the steps that are going to be built.
 * @param folder path of the work directory
 */
export async function restoreCache(
  pending: PendingCache,
  spec: Building,
  store: ContainersStorage | OciLayout,
  folder: string,
): Promise<RestoredCache> {
  const root = privateRoot(folder)
  const restored =
    store.kind === 'blobs' ? await restoreBlobs(pending, store, root) : await restoreRoot(pending, spec, store, root)
  return { ...pending, ...restored }
}

type Restored = Omit<RestoredCache, keyof PendingCache>

/** A folder of steps for an engine that compares by itself all that they depend on. */
async function restoreBlobs(pending: PendingCache, blobs: OciLayout, root: string): Promise<Restored> {
  const { cache, plan } = pending
  const warm = await cache.restore(blobs, new Map(), root)
  const { staysInEngine } = warm
  if (staysInEngine) info('Cache: the builder keeps its own steps on this machine')
  else sayRestored(pending, warm)
  return { warm, keys: [], access: { read: plan.read, write: plan.write && !staysInEngine } }
}

/** A storage root, with what Buildah forgets to compare compared. */
async function restoreRoot(
  pending: PendingCache,
  spec: Building,
  store: ContainersStorage,
  root: string,
): Promise<Restored> {
  const { inputs, source } = spec
  const { cache, plan } = pending
  const { dockerfile, target } = source
  const stepInputs = await stepInputsOf(spec, store)
  const analysis = analysisOf(inputs, dockerfile, store.env)
  const hidden = untrackedInput(inputs, source)
  const isUsed = (plan.read || plan.write) && hidden === undefined
  const keys = isUsed ? stepKeys(analysis, stepInputs, targetIndex(dockerfile, target)) : []
  const warm = await cache.restore(store, contentsByKey(keys), root)
  if (plan.isStored) {
    if (hidden !== undefined)
      info(`Cache: rebuilding without the cache, since ${hidden} may change the image in ways that can't be detected`)
    for (const { unknown } of keys) {
      if (unknown !== undefined)
        info(`Cache: rebuilding the rest of the stage from line ${unknown.line}: ${unknown.why}`)
    }
  }
  sayRestored(pending, warm)
  return { warm, keys, access: { read: plan.read, write: plan.write } }
}

/** What each step has copied, by its key. */
function contentsByKey(keys: readonly StageKeys[]): ReadonlyMap<string, string | undefined> {
  return new Map(
    keys.flatMap((stage) =>
      stage.keys.flatMap((key, index) => (key === undefined ? [] : [[key, stage.contents[index]] as const])),
    ),
  )
}

function sayRestored({ plan, stagingDir }: PendingCache, { restored }: RestoredStorage): void {
  if (stagingDir === undefined) return
  const { images, parts, bytes, seconds, failures } = restored
  const moved = parts === 0 ? '' : ` ${formatBytes(bytes)} in ${formatCount(parts, 'part')},`
  const { text, id } = plan.scope
  result(`Cache restored: ${formatCount(images, 'step')},${moved} ${seconds.toFixed(1)} s (key ${id}: ${text})`)
  for (const failure of failures) warn(`Cache: ${failure}`)
  if (images === 0 && plan.hint !== undefined) info(plan.hint)
}
