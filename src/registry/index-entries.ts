import { isObject, listOf, objectOf, parseObject } from '../lib/json.js'
import type { Reference } from '../metadata/reference.js'
import type { Registries } from './client.js'
import type { IndexEntry } from './image-index.js'
import { readPlatform } from './image-platforms.js'
import { isDigest } from './manifest.js'

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
): Promise<IndexEntry[] | undefined> {
  const manifest = await registries.fetchManifest(reference)
  if (manifest === undefined) return undefined
  const { bytes, digest, mediaType, size } = manifest
  const top = parseObject(bytes.toString('utf8'))
  if (Array.isArray(top['manifests'])) return listOf(top['manifests']).flatMap(entryIn)
  const config = objectOf(top['config'])['digest']
  if (typeof config !== 'string' || !isDigest(config)) return []
  const platform = readPlatform(parseObject((await registries.fetchBlob(reference, config)).toString('utf8')))
  return platform === undefined ? [] : [{ digest, mediaType, size, platform }]
}

/** A descriptor of an index that is already there. */
function entryIn(value: unknown): IndexEntry[] {
  const { digest, mediaType, size, platform, annotations } = objectOf(value)
  if (typeof digest !== 'string' || !isDigest(digest)) return []
  if (typeof mediaType !== 'string' || typeof size !== 'number' || !isObject(platform)) return []
  const { os, architecture, variant, ...details } = platform
  if (typeof os !== 'string' || typeof architecture !== 'string') return []
  const own = { os, architecture, ...(typeof variant === 'string' && { variant }) }
  const written = Object.entries(objectOf(annotations)).map(([name, value]) => ({ name, value: String(value) }))
  const entry = { digest, mediaType, size, platform: own, details }
  return [written.length === 0 ? entry : { ...entry, annotations: written }]
}
