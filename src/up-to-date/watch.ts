import type { Cache } from '../cache/cache.js'
import type { CacheDecision } from '../cache/policy.js'
import type { Context } from '../runner/context.js'
import { copiedOf } from '../source/copied-digests.js'
import type { ResolvedEngine } from '../engine/engine.js'
import type { WorkDir } from '../engine/work-dir.js'
import type { Inputs } from '../runner/inputs.js'
import { info } from '../log.js'
import type { RegistriesOptions } from '../registry/client.js'
import type { Source } from '../source/source.js'
import type { Product } from './step-inputs.js'
import { resolveBaseNames } from './base-digests.js'
import { compare, type Comparison } from './check.js'
import { type Inspection, inspect } from './inspection.js'
import type { ComparisonRequest } from './request.js'

/** Who one is at which registry, and to which one may speak without TLS. */
export type RegistryAccess = Omit<RegistriesOptions, 'env'>

/** What is looked at while the engine is looked for. */
export interface Watch {
  readonly inspection: Promise<Inspection>
  /** Digests of what is copied from the context, by path. Never rejects. */
  readonly copied: Promise<ReadonlyMap<string, string>>
  /** Compares with what earlier runs have built. */
  compare(asked: Asked, found: ResolvedEngine, access: RegistryAccess): Promise<Comparison>
}

type Asked = Product & Pick<ComparisonRequest, 'references' | 'ofCommit'>

/** Begins to look at all that goes into the image; undefined where nothing is compared. */
export function startWatch(
  { inputs, context, folder }: { readonly inputs: Inputs; readonly context: Context; readonly folder: WorkDir },
  source: Source,
  { cache, decision }: { readonly cache: Pick<Cache, 'records'>; readonly decision: CacheDecision },
): Watch | undefined {
  if (inputs.unchanged !== 'skip') return undefined
  if (!remembersBuilds(decision)) {
    info(`Unchanged: not looked for, since no cache remembers what was built (\`cache: ${decision.kind}\`)`)
    return undefined
  }
  const remembered = cache.records.read()
  const inspection = inspect(inputs, source, context, folder.env)
  // Who compares nothing need not load it.
  const loading = import('../registry/client.js')
  const copiedIn = async () => {
    const { survey } = await inspection
    return survey === undefined ? new Map<string, string>() : await copiedOf(survey, source.dockerfile)
  }
  return {
    inspection,
    copied: copiedIn().catch(() => new Map<string, string>()),
    async compare(asked, found, access) {
      const seen = await inspection
      // Buildah reads it by itself.
      const frontend = found.engine.name === 'docker' && seen.frontend !== undefined ? [seen.frontend] : []
      const baseNames = await resolveBaseNames([...seen.images, ...frontend], found.engine, folder)
      const { openRegistries } = await loading
      const insecure = [...access.insecure, ...baseNames.insecure]
      const registries = openRegistries({ ...access, env: context.env, insecure })
      const env = found.engine.name === 'docker' ? context.env : folder.env
      return compare({ ...asked, inspection: seen, found, baseNames, registries, note: cache.records, remembered, env })
    },
  }
}

function remembersBuilds({ kind }: CacheDecision): boolean {
  return kind === 'github' || kind === 'directory'
}
