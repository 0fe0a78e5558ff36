import type { ContainersStorage, OciLayout } from '../../build-storage.js'
import { EMPTY_CACHE, type RestoredStorage } from '../../cache/cache.js'
import type { SkeletonTerms } from '../../cache/skeletons.js'
import type { StageKeys } from '../../dockerfile/step-keys.js'
import type { BuildRequest, BuildSpec, ResolvedEngine } from '../../engine/engine.js'
import { privateRoot } from '../../engine/work-dir.js'
import { formatBytes, formatCount } from '../../lib/format.js'
import { info, result, warn } from '../../log.js'
import type { Building } from '../../up-to-date/step-inputs.js'
import type { PipelineContext } from '../pipeline-context.js'
import { reusableSteps } from './reusable-steps.js'
import type { PendingCache } from './start-cache.js'

/** A cache with a root that can be built in. */
export interface RestoredCache extends PendingCache {
  readonly warm: RestoredStorage
  /** Of the steps as they are in the Dockerfile, by stage; empty for an engine that has none. */
  readonly keys: readonly StageKeys[]
  /** Whether the engine may take steps of earlier builds, and shall keep those of this one. */
  readonly access: BuildRequest['cache']
}

/** What is restored for, with what tells which layers may come back as skeletons; absent where none may. */
export interface Restoring extends Building {
  readonly terms?: (keys: readonly StageKeys[], store: ContainersStorage) => Promise<SkeletonTerms | undefined>
}

/** What is on its way when it is clear that something must be built. */
export interface Coming {
  readonly engine: ResolvedEngine
  readonly cache: PendingCache
  /** Digests of what is copied from the context, by path. */
  readonly copied: Promise<ReadonlyMap<string, string>>
}

/** Restores the cache while the engine makes itself ready for what comes back. */
export async function restoreFor(
  spec: BuildSpec & Pick<Restoring, 'terms'>,
  { engine, cache, copied }: Coming,
  { timeline, workDir }: Pick<PipelineContext, 'timeline' | 'workDir'>,
): Promise<RestoredCache> {
  const building = { ...spec, copied: await copied }
  const [restored] = await Promise.all([
    timeline.during('restore', () => restoreCache(cache, building, engine.store, workDir.path)),
    cache.plan.writesLayers ? engine.prewarm() : undefined,
  ])
  return restored
}

/**
 * Fills the storage with what earlier runs have left of the steps that are going to be built.
 * @param folder path of the work directory
 */
export async function restoreCache(
  pending: PendingCache,
  spec: Restoring,
  store: ContainersStorage | OciLayout,
  folder: string,
): Promise<RestoredCache> {
  const root = privateRoot(folder)
  const restored =
    store.kind === 'blobs'
      ? await restoreBlobs(pending, spec, store, root)
      : await restoreRoot(pending, spec, store, root)
  return { ...pending, ...restored }
}

type Restored = Omit<RestoredCache, keyof PendingCache>

/** A folder of steps for an engine that compares by itself all that they depend on. */
async function restoreBlobs(
  pending: PendingCache,
  { inputs }: Building,
  blobs: OciLayout,
  root: string,
): Promise<Restored> {
  const { cache, plan } = pending
  if (blobs.isKeptElsewhere === true && inputs.cache.kind === 'auto') {
    info('Cache: not used, since the builder keeps its own steps; `cache: github` (or registry) uses it all the same')
    const warm = await EMPTY_CACHE.restore(blobs, new Map(), root)
    return { warm, keys: [], access: { read: true, write: false } }
  }
  const warm = await cache.restore(blobs, new Map(), root)
  const { staysInEngine } = warm
  if (staysInEngine) info('Cache: the builder keeps its own steps on this machine')
  else sayRestored(pending, warm)
  return { warm, keys: [], access: { read: plan.read, write: plan.write && !staysInEngine } }
}

/** A storage root, with what Buildah forgets to compare compared. */
async function restoreRoot(
  pending: PendingCache,
  spec: Restoring,
  store: ContainersStorage,
  root: string,
): Promise<Restored> {
  const { cache, plan } = pending
  const keys = await reusableSteps(spec, store, plan)
  const terms = plan.writesLayers ? spec.terms?.(keys, store) : undefined
  const warm = await cache.restore(store, contentsByKey(keys), root, terms)
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

/** Says what came back, and what didn't. */
export function sayRestored({ plan, stagingDir }: PendingCache, warm: RestoredStorage): void {
  const { restored } = warm
  if (stagingDir === undefined) return
  const { images, parts, bytes, seconds, failures } = restored
  const moved = parts === 0 ? '' : ` ${formatBytes(bytes)} in ${formatCount(parts, 'part')},`
  const { text, id } = plan.scope
  result(`Cache restored: ${formatCount(images, 'step')},${moved} ${seconds.toFixed(1)} s (key ${id}: ${text})`)
  const skeletons = warm.skeletons()
  if (skeletons !== undefined) {
    const count = formatCount(skeletons.layers.size, 'layer')
    info(
      `Cache: ${count} restored without file contents, which no step reads (${formatBytes(skeletons.savedBytes)} less; \`storage-conf\` is empty, \`skeletons: off\` restores them whole)`,
    )
  }
  for (const failure of failures) warn(`Cache: ${failure}`)
  if (images === 0 && plan.hint !== undefined) info(plan.hint)
}
