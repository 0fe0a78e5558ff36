import type { Pushed } from '../../engine/engine.js'
import { RegistryError } from '../../errors.js'
import { isObject, parseObject } from '../../lib/json.js'
import { formatPlatform, isSamePlatform, type Platform } from '../../lib/platform.js'
import { formatReference, type Reference, repositoryOf } from '../../metadata/reference.js'
import { entriesOf } from '../../registry/index-entries.js'
import type { Registries } from '../../registry/registries.js'
import { repositoriesOf } from '../push/destination.js'
import type { PushedPlatform } from '../push/image-index.js'

/** Where the images of records are. */
export interface ImagePlace {
  readonly registries: Pick<Registries, 'fetchManifest' | 'fetchBlob'>
  readonly references: readonly Reference[]
}

/** What a leg leaves for the others, as text. Pure. */
export function recordOf({ platform, pushed }: PushedPlatform): string {
  const digests = pushed.map(({ reference, digest }) => [formatReference(repositoryOf(reference)), digest] as const)
  return JSON.stringify({ platform: formatPlatform(platform), digests: Object.fromEntries(digests) })
}

/** A record counts if its images are in every repository, and are of its platform. */
export async function readRecord(
  text: string | undefined,
  platform: Platform,
  { references, registries }: ImagePlace,
): Promise<PushedPlatform | undefined> {
  const { platform: named, digests } = parseObject(text ?? '')
  if (named !== formatPlatform(platform) || !isObject(digests)) return undefined
  const pushed: Pushed[] = []
  for (const reference of repositoriesOf(references)) {
    const digest: unknown = digests[formatReference(reference)]
    if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest)) return undefined
    const entries = await entriesOf(registries, { ...reference, digest }).catch(passing)
    const [image, another] = (entries ?? []).filter((one) => one.platform.os !== 'unknown')
    if (image === undefined || another !== undefined || !isSamePlatform(image.platform, platform)) return undefined
    pushed.push({ reference, digest, image: image.digest })
  }
  return { platform, pushed }
}

/** It is looked for again. */
function passing(error: unknown): undefined {
  if (error instanceof RegistryError && error.transient) return undefined
  throw error
}
