import type { Engine, Image, Pushed } from '../engine/engine.js'
import { type Reference, repositoryOf } from '../metadata/reference.js'
import type { RegistriesOnDemand } from './pipeline-context.js'
import { pushAll, pushEach } from './push.js'

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
  const repositories = repositoriesOf(references)
  return {
    references: repositories,
    push: (engine, image, registries) =>
      pushEach(
        async (repository) => {
          const { digest } = await engine.pushByDigest(image, repository, async (...asked) =>
            (await registries.open()).openProxy(...asked),
          )
          return { reference: repository, digest }
        },
        { ...image, references: repositories },
      ),
  }
}

/** Each repository once. Pure. */
export function repositoriesOf(references: readonly Reference[]): Reference[] {
  const isSame = (one: Reference, other: Reference) =>
    one.registry === other.registry && one.repository === other.repository
  const repositories = references.map(repositoryOf)
  return repositories.filter((one, index) => repositories.findIndex((other) => isSame(one, other)) === index)
}
