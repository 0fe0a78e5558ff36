import { UserError } from '../../errors.js'
import { mapConcurrent } from '../../lib/concurrency.js'
import { formatPlatform } from '../../lib/platform.js'
import { formatReference, type Reference } from '../../metadata/reference.js'
import { copyManifest } from '../../registry/copy-manifest.js'
import { entriesOf, type PlatformEntry, platformOf } from '../../registry/index-entries.js'
import type { Registries } from '../../registry/registries.js'

const CONCURRENCY = 4

/** Where manifests are looked for. */
interface Sites {
  readonly repositories: readonly Reference[]
  readonly registries: Registries
  /** Whether a repository gets what another one of its registry has; else that is taken for done. */
  readonly writes: boolean
}

/**
 * What an index is to say of manifests, each of which is in every repository then.
 * @throws UserError that names each that isn't in a repository, or tells no platform, or two that are for the same one
 */
export async function findDigests(
  digests: readonly string[],
  { repositories, registries, writes }: Sites,
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
        all[index] !== undefined ||
        (from !== undefined && (!writes || (await copyManifest(registries, digest, { from, into }))))
      if (!isThere) missing.push(`${formatReference(into)} doesn't have ${digest}`)
    }
    if (source >= 0 && all[source]?.length === 0) missing.push(`${digest} is no image of a platform`)
  })
  if (missing.length === 0) return withoutTwins(found.flat())
  throw new UserError(
    `Input "digests": ${missing.sort().join('; ')}. Nothing was tagged.`,
    'Push each image into every repository of `images` first, by its digest: `outputs: type=image,push-by-digest=true,push=true`.',
  )
}

/** What of an index isn't an attestation or the like. */
export function hasPlatform({ platform }: PlatformEntry): boolean {
  return platform.os !== 'unknown'
}

function withoutTwins(entries: PlatformEntry[]): PlatformEntry[] {
  const seen = new Map<string, string>()
  for (const entry of entries.filter(hasPlatform)) {
    const { digest, details } = entry
    const version = details?.['os.version']
    const key = `${formatPlatform(platformOf(entry))}${typeof version === 'string' ? ` ${version}` : ''}`
    const other = seen.get(key)
    if (other !== undefined && other !== digest)
      throw new UserError(
        `Input "digests": ${other} and ${digest} are both for ${key}. Nothing was tagged.`,
        'Leave out one of them: an index has one image for each platform.',
      )
    seen.set(key, digest)
  }
  return entries
}
