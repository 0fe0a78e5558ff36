import type { ContainersStorage } from '../../build-storage.js'
import type { SkeletonTerms } from '../../cache/skeletons.js'
import type { StageKeys } from '../../dockerfile/step-keys.js'
import type { BuildSpec } from '../../engine/engine.js'
import { describeInLine } from '../../errors.js'
import { debug } from '../../log.js'
import type { Reference } from '../../metadata/reference.js'
import type { Registries } from '../../registry/registries.js'
import type { NamedBases, Unknown } from '../../up-to-date/base-digests.js'
import { repositoriesOf } from '../push/destination.js'
import { readingFor } from './whole-layers.js'

/** Who knows what lies in registries now. */
export interface Asked {
  readonly bases: () => Promise<NamedBases | Unknown>
  readonly registries: () => Promise<Pick<Registries, 'hasBlob'>>
}

/**
 * What must be known of a build, so that layers which it doesn't read may come back without contents; undefined where
 * they may not. Never rejects.
 * @param keys of `stepKeys`; empty where no step is reused
 */
export async function skeletonTerms(
  spec: Pick<BuildSpec, 'inputs' | 'source' | 'references' | 'built'>,
  store: ContainersStorage,
  keys: readonly StageKeys[],
  asked: Asked,
): Promise<SkeletonTerms | undefined> {
  const reading = keys.length === 0 ? { why: 'no step is reused' } : readingFor(spec, store, keys)
  if ('why' in reading) return tell(reading)
  const bases = await asked.bases()
  if ('why' in bases) return tell(bases)
  const repositories = repositoriesOf(spec.references)
  const isIn = async (repository: Reference, digests: readonly string[]) => {
    const registries = await asked.registries()
    return (await Promise.all(digests.map((digest) => registries.hasBlob(repository, digest)))).includes(true)
  }
  const look = async (layers: readonly (readonly string[])[]) => {
    const looks = repositories.flatMap((repository) => layers.map((digests) => isIn(repository, digests)))
    return (await Promise.all(looks)).every(Boolean)
  }
  return {
    reading,
    bases,
    arePushed: (layers) =>
      look(layers).catch((error: unknown) => {
        debug(`Cache: could not look up layers. ${describeInLine(error)}`)
        return false
      }),
  }
}

function tell({ why }: Unknown): SkeletonTerms | undefined {
  debug(`Cache: restoring all layers whole, since ${why}`)
  return undefined
}
