import { isObject, listOf, objectOf, parseObject, textMembersOf } from '../lib/json.js'
import type { Platform } from '../lib/platform.js'
import type { Reference } from '../metadata/reference.js'
import type { Registries } from './registries.js'
import type { IndexEntry } from './image-index.js'
import { readPlatform } from './image-platforms.js'
import { isDigest } from './manifest.js'

/** A manifest of a platform, or `unknown/unknown`. */
export interface PlatformEntry extends IndexEntry {
  readonly platform: Platform
}

type Asked = Pick<Registries, 'fetchManifest' | 'fetchBlob'>

/**
 * What an index is to say of a manifest: its platform, as its configuration tells it. Of an index, all that it says of its
 * own manifests, attestations too.
 * @returns undefined where the repository has no such manifest; an empty list where it tells no platform
 * @throws RegistryError
 */
export async function entriesOf(
  registries: Asked,
  reference: Reference & { readonly digest: string },
): Promise<PlatformEntry[] | undefined> {
  const manifest = await registries.fetchManifest(reference)
  if (manifest === undefined) return undefined
  const { bytes, digest, mediaType, size } = manifest
  const top = parseObject(bytes.toString('utf8'))
  if (Array.isArray(top['manifests'])) return entriesIn(top)
  const config = objectOf(top['config'])['digest']
  if (typeof config !== 'string' || !isDigest(config)) return []
  const platform = readPlatform(parseObject((await registries.fetchBlob(reference, config)).toString('utf8')))
  return platform === undefined ? [] : [{ digest, mediaType, size, platform }]
}

/** The platform of an entry under its usual name, which an index that is already there need not have. Pure. */
export function platformOf({ platform }: Pick<PlatformEntry, 'platform'>): Platform {
  return readPlatform({ ...platform }) ?? platform
}

/** All that an index says of its manifests, attestations too. Pure. */
export function entriesIn({ manifests }: Readonly<Record<string, unknown>>): PlatformEntry[] {
  return listOf(manifests).flatMap(entryIn)
}

/** A descriptor of an index that is already there. */
function entryIn(value: unknown): PlatformEntry[] {
  const { digest, mediaType, size, platform, annotations } = objectOf(value)
  if (typeof digest !== 'string' || !isDigest(digest)) return []
  if (typeof mediaType !== 'string' || typeof size !== 'number' || !isObject(platform)) return []
  const { os, architecture, variant, ...details } = platform
  if (typeof os !== 'string' || typeof architecture !== 'string') return []
  const own = { os, architecture, ...(typeof variant === 'string' && { variant }) }
  return [{ digest, mediaType, size, platform: own, details, annotations: textMembersOf(annotations) }]
}
