import { objectOf, parseObject } from '../lib/json.js'
import { parsePlatform, type Platform } from '../lib/platform.js'
import type { Reference } from '../metadata/reference.js'
import type { Registries } from './registries.js'
import { isDigest } from './manifest.js'

/** What an image is there for. */
export interface PlatformImage {
  readonly platform: Platform
  /** Of its manifest. */
  readonly digest: string
}

type Asked = Pick<Registries, 'resolve' | 'fetchManifest' | 'fetchBlob'>

/**
 * The platforms of an image, as its registry has it now; of an index those of its images, and nothing of what is for no
 * platform, such as attestations. Undefined where there is no image, or it doesn't say.
 * @throws RegistryError
 */
export async function platformsIn(registries: Asked, reference: Reference): Promise<PlatformImage[] | undefined> {
  const { registry, repository } = reference
  const digest = reference.digest ?? (await registries.resolve(reference))?.digest
  if (digest === undefined) return undefined
  const manifest = await registries.fetchManifest({ registry, repository, digest })
  const top = parseObject(manifest?.bytes.toString('utf8') ?? '')
  const { manifests } = top
  if (Array.isArray(manifests)) return manifests.flatMap(readEntry)
  const config = objectOf(top['config'])['digest']
  if (typeof config !== 'string' || !isDigest(config)) return undefined
  const bytes = await registries.fetchBlob({ registry, repository }, config)
  const platform = readPlatform(parseObject(bytes.toString('utf8')))
  return platform === undefined ? undefined : [{ platform, digest }]
}

function readEntry(entry: unknown): PlatformImage[] {
  const { digest, platform: written } = objectOf(entry)
  const platform = readPlatform(objectOf(written))
  return platform === undefined || typeof digest !== 'string' ? [] : [{ platform, digest }]
}

/** `unknown/unknown` stands for no platform. */
export function readPlatform({ os, architecture, variant }: Readonly<Record<string, unknown>>): Platform | undefined {
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined
  const parts = [os, architecture, ...(typeof variant === 'string' && variant !== '' ? [variant] : [])]
  return parsePlatform(parts.join('/'))
}
