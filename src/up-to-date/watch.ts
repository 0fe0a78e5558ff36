import type { Cache } from '../cache/cache.js'
import type { CachePlan } from '../cache/plan.js'
import type { BuildSpec, KnownEngine } from '../engine/engine.js'
import type { Env } from '../exec.js'
import { info } from '../log.js'
import type { CommitLabels } from '../metadata/commit.js'
import type { Registries } from '../registry/registries.js'
import type { Context } from '../runner/context.js'
import { copiedOf } from '../source/copied-digests.js'
import { compare, type Comparison } from './check.js'
import { type Inspection, inspect } from './inspection.js'

/** What is looked at while the engine is looked for. */
export interface Watch {
  readonly inspection: Promise<Inspection>
  /** Digests of what is copied from the context, by path. Never rejects. */
  readonly copied: Promise<ReadonlyMap<string, string>>
  /**
   * Compares with what earlier runs have built.
   * @param ofCommit what of its labels and annotations names the commit
   * @param open opens registries, of which these may be asked without TLS
   */
  compare(
    spec: BuildSpec,
    ofCommit: CommitLabels,
    engine: KnownEngine,
    open: (insecure: readonly string[]) => Promise<Registries>,
  ): Promise<Comparison>
}

/**
 * Begins to look at all that goes into the image; undefined if nothing is compared.
 * @param env of Buildah
 */
export function startWatch(
  { inputs, source }: Pick<BuildSpec, 'inputs' | 'source'>,
  { cache, plan }: { readonly cache: Pick<Cache, 'records'>; readonly plan: Pick<CachePlan, 'kind' | 'isStored'> },
  context: Context,
  env: Env,
): Watch | undefined {
  if (inputs.unchanged !== 'skip') return undefined
  if (inputs.platforms.length > 1) {
    info('Unchanged: not checked; the builder builds all platforms at once')
    return undefined
  }
  if (!plan.isStored) {
    info(`Unchanged: not checked; this cache holds no build records (\`cache: ${plan.kind}\`)`)
    return undefined
  }
  const { records: note } = cache
  const remembered = note.read()
  const inspection = inspect(inputs, source, context, env)
  const copiedIn = async () => {
    const { survey } = await inspection
    return survey === undefined ? new Map<string, string>() : await copiedOf(survey, source.dockerfile)
  }
  return {
    inspection,
    copied: copiedIn().catch(() => new Map<string, string>()),
    async compare(spec, ofCommit, found, open) {
      const seen = await inspection
      const frontend = found.traits.usesFrontend && seen.frontend !== undefined ? [seen.frontend] : []
      const baseNames = await found.resolveNames([...seen.images, ...frontend])
      const registries = await open(baseNames.insecure)
      const { now } = context
      return compare({ ...spec, now, ofCommit, inspection: seen, found, baseNames, registries, note, remembered })
    },
  }
}
