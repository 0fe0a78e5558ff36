import { createHash } from 'node:crypto'
import { RegistryError } from '../errors.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import { parseObject } from '../lib/json.js'

/** What a registry has under a tag or a digest. */
export interface Descriptor {
  /** `sha256:…` */
  readonly digest: string
  /** One of MANIFEST_TYPES. */
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
}

/** Bytes with their digest. */
export interface Blob {
  readonly digest: string
  readonly bytes: Buffer
}

export interface Manifest extends Descriptor {
  readonly bytes: Buffer
}

/** Media types of manifests and indexes, of OCI and of Docker. */
export const MANIFEST_TYPES: readonly string[] = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
]

/** The size up to which registries must accept a manifest; larger ones aren't read. */
export const MANIFEST_LIMIT = 4 * 1024 * 1024

const HEX_DIGITS: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
])

export function isDigest(text: string): boolean {
  const [, algorithm = '', hex = ''] = /^(sha\d+):([0-9a-f]+)$/.exec(text) ?? []
  return hex !== '' && hex.length === HEX_DIGITS.get(algorithm)
}

/** The digest of bytes, by the algorithm of another digest, or by SHA-256. */
export function digestLike(bytes: Buffer, other = 'sha256:'): string {
  const algorithm = other.slice(0, other.indexOf(':'))
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

/**
 * The digest of what a registry gave for a reference.
 * @param wanted that it must have; undefined where any will do
 * @throws RegistryError for another one
 */
export function checkedDigest(bytes: Buffer, wanted: string | undefined, reference: Reference): string {
  const digest = digestLike(bytes, wanted)
  if (wanted === undefined || digest === wanted) return digest
  throw new RegistryError(
    `${reference.registry} returned content that doesn't match ${formatReference(reference)}: ${digest}, not ${wanted}.`,
    'The registry, or a proxy in front of it, has corrupt content.',
    false,
  )
}

/**
 * Which kind of manifest this is, as the header says or, where that is silent or says something general, the manifest
 * itself; undefined where it is none.
 */
export function manifestType(header: string | undefined, bytes?: Buffer): string | undefined {
  const named = header?.split(';')[0]?.trim().toLowerCase()
  const own = bytes === undefined ? undefined : parseObject(bytes.toString('utf8'))['mediaType']
  return [named, own].find((type): type is string => typeof type === 'string' && MANIFEST_TYPES.includes(type))
}
