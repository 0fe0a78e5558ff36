import { UserError } from '../../errors.js'
import { mapConcurrent } from '../../lib/concurrency.js'
import { formatReference, type Reference } from '../../metadata/reference.js'
import { copyManifest } from '../../registry/copy-manifest.js'
import { entriesOf, type PlatformEntry } from '../../registry/index-entries.js'
import type { Registries } from '../../registry/registries.js'

const CONCURRENCY = 4

/**
 * What an index is to say of manifests, each of which is in every repository then.
 * @throws UserError that names each that isn't in a repository, or tells no platform
 */
export async function findDigests(
  digests: readonly string[],
  repositories: readonly Reference[],
  registries: Registries,
): Promise<PlatformEntry[]> {
  const found: PlatformEntry[][] = []
  const missing: string[] = []
  await mapConcurrent(digests, CONCURRENCY, async (digest, place) => {
    const all = await Promise.all(repositories.map((one) => entriesOf(registries, { ...one, digest })))
    const source = repositories.findIndex((_, index) => all[index] !== undefined)
    found[place] = all[source] ?? []
    for (const [index, into] of repositories.entries()) {
      const from = repositories.find((one, other) => all[other] !== undefined && one.registry === into.registry)
      const isThere =
        all[index] !== undefined || (from !== undefined && (await copyManifest(registries, digest, { from, into })))
      if (!isThere) missing.push(`${formatReference(into)} doesn't have ${digest}`)
    }
    if (source >= 0 && all[source]?.length === 0) missing.push(`${digest} is no image of a platform`)
  })
  if (missing.length === 0) return found.flat()
  throw new UserError(
    `Input "digests": ${missing.sort().join('; ')}. Nothing was tagged.`,
    'Push each image into every repository of `images` first, by its digest: `outputs: type=image,push-by-digest=true,push=true`.',
  )
}
