import type { Cache } from '../cache/cache.js'
import type { CacheDecision } from '../cache/policy.js'
import type { Context } from '../context.js'
import { copiedOf } from '../copied.js'
import type { Found } from '../engine/engine.js'
import type { Folder } from '../engine/storage.js'
import type { Inputs } from '../inputs.js'
import { say } from '../log.js'
import type { RegistriesOptions } from '../registry/registry.js'
import type { Source } from '../source.js'
import type { Product } from '../surroundings.js'
import { resolveBaseNames } from './bases.js'
import { compare, type Comparison, type ComparisonRequest } from './comparison.js'
import { type Inspection, inspect } from './inspection.js'

/** Who one is at which registry, and to which one may speak without TLS. */
export type RegistryAccess = Omit<RegistriesOptions, 'env'>

/** What is looked at while the engine is looked for. */
export interface Watch {
  readonly inspection: Promise<Inspection>
  /** Digests of what is copied from the context, by path. Never rejects. */
  readonly copied: Promise<ReadonlyMap<string, string>>
  /** Compares with what earlier runs have built. */
  compare(asked: Asked, found: Found, access: RegistryAccess): Promise<Comparison>
}

type Asked = Product & Pick<ComparisonRequest, 'references'>

/** Begins to look at all that goes into the image; undefined where nothing is compared. */
export function startWatch(
  { inputs, context, folder }: { readonly inputs: Inputs; readonly context: Context; readonly folder: Folder },
  source: Source,
  { cache, decision }: { readonly cache: Pick<Cache, 'note'>; readonly decision: CacheDecision },
): Watch | undefined {
  if (inputs.unchanged !== 'skip') return undefined
  if (!remembersBuilds(decision)) {
    say(`Unchanged: not looked for, since no cache remembers what was built (\`cache: ${decision.kind}\`)`)
    return undefined
  }
  const remembered = cache.note.read()
  const inspection = inspect(inputs, source, context, folder.env)
  // Who compares nothing need not load it.
  const loading = import('../registry/registry.js')
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
      return compare({ ...asked, inspection: seen, found, baseNames, registries, note: cache.note, remembered, env })
    },
  }
}

function remembersBuilds({ kind }: CacheDecision): boolean {
  return kind === 'github' || kind === 'directory'
}
