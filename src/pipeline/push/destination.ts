import type { Engine, Image, Pushed } from '../../engine/engine.js'
import { formatReference, type Reference, repositoryOf } from '../../metadata/reference.js'
import type { RegistriesOnDemand } from '../pipeline-context.js'
import { pushAll, pushAllByDigest } from './push.js'

/** Where an image goes. */
export interface Destination {
  /** What it is in its registries: also that of an earlier run has to be there. */
  readonly references: readonly Reference[]
  /** @throws UserError for what can't be pushed, when everything was tried */
  readonly push: (engine: Engine, image: Image, registries: RegistriesOnDemand) => Promise<Pushed[]>
}

/** Under its tags. */
export function tagged(references: readonly Reference[]): Destination {
  return { references, push: pushAll }
}

/** In the repositories of these references under no tag, until there are others that it belongs to. */
export function untagged(references: readonly Reference[]): Destination {
  return {
    references: repositoriesOf(references),
    push: (engine, image, registries) => pushAllByDigest(engine, image, registries.open),
  }
}

/** Each repository once. Pure. */
export function repositoriesOf(references: readonly Reference[]): Reference[] {
  return [...new Map(references.map(repositoryOf).map((one) => [formatReference(one), one])).values()]
}
