import type { BuildSpec, ResolvedEngine } from '../engine/engine.js'
import { describeInLine } from '../errors.js'
import type { Comparison } from '../up-to-date/check.js'
import { digestBases, type NamedBases, namedBases, type Unknown } from '../up-to-date/base-digests.js'
import { baseImages } from './base-images.js'
import type { Destination } from './destination.js'
import { openRegistries, type PipelineContext, type RegistriesOnDemand } from './pipeline-context.js'
import { type RestoredCache, restoreCache, type Restoring } from './restore-cache.js'
import { skeletonTerms } from './skeleton-terms.js'
import type { PendingCache } from './start-cache.js'

/** What is on its way when it is clear that something must be built. */
export interface Prepared {
  readonly engine: ResolvedEngine
  readonly cache: PendingCache
  /** Digests of what is copied from the context, by path. */
  readonly copied: Promise<ReadonlyMap<string, string>>
  /** Undefined where nothing is compared, and so nothing is remembered. */
  readonly comparison: Comparison | undefined
  readonly destination: Destination
}

/** Restores what earlier runs have left for a build, beside what its engine needs else. */
export async function fillStorage(
  spec: BuildSpec,
  prepared: Prepared,
  pipeline: PipelineContext,
  { open }: RegistriesOnDemand,
): Promise<RestoredCache> {
  const { engine, cache, copied } = prepared
  const { timeline, workDir } = pipeline
  const asked = { registries: open, bases: () => findBases(spec, prepared, pipeline) }
  const building: Restoring = {
    ...{ ...spec, copied: await copied },
    terms: (keys, store) => skeletonTerms(spec, store, keys, asked),
  }
  const [restored] = await Promise.all([
    timeline.during('restore', () => restoreCache(cache, building, engine.store, workDir.path)),
    cache.plan.writesLayers ? engine.prewarm() : undefined,
  ])
  return restored
}

/** The base images as their registries have them now. Never rejects. */
async function findBases(
  { inputs, source }: BuildSpec,
  { engine, comparison }: Prepared,
  pipeline: PipelineContext,
): Promise<NamedBases | Unknown> {
  if (comparison !== undefined) return await comparison.bases()
  try {
    const baseNames = await engine.resolveNames(baseImages(inputs, source, engine.env).map(({ name }) => name))
    const registries = await openRegistries(pipeline, baseNames.insecure)
    const bases = await digestBases(baseNames, engine, registries).finally(() => {
      registries.close()
    })
    return 'why' in bases ? bases : namedBases(baseNames, bases.digests)
  } catch (error) {
    return { why: `could not look up a base image: ${describeInLine(error)}` }
  }
}
