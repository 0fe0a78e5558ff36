import type { Platform } from '../lib/platform.js'
import { type Descriptor, digestLike, type Manifest } from './manifest.js'

/** What an index says of one of its manifests. */
export interface IndexEntry extends Descriptor {
  /** `unknown/unknown` for what is for no platform, such as an attestation; undefined for what names none. */
  readonly platform?: Platform
  /** What else is said of the platform, such as `os.version`. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly annotations?: Readonly<Record<string, string>>
}

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
const DOCKER_TYPE = 'application/vnd.docker.'

/**
 * The index of these manifests, in their order: the same bytes for the same entries, whenever and wherever it is written.
 * It is one of OCI, unless all of them are in Docker's format and there is nothing that Docker's has no place for: then
 * they may be so because the registry takes nothing else. Pure.
 * @param annotations of the index
 */
export function imageIndex(
  entries: readonly IndexEntry[],
  annotations: Readonly<Record<string, string>> = {},
): Manifest {
  const isAnnotated = [annotations, ...entries.map((entry) => entry.annotations ?? {})].some(isFilled)
  const isDockers = !isAnnotated && entries.every(({ mediaType }) => mediaType.startsWith(DOCKER_TYPE))
  const mediaType = isDockers ? DOCKER_LIST : OCI_INDEX
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    manifests: entries.map(entryOf),
    ...(isFilled(annotations) && { annotations }),
  })
  const bytes = Buffer.from(text)
  return { bytes, mediaType, digest: digestLike(bytes), size: bytes.length }
}

/** Whether a manifest of this media type is an index. Pure. */
export function isIndex(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_LIST
}

/** In the order in which the specification has its members. */
function entryOf({ mediaType, digest, size, platform, details, annotations }: IndexEntry): object {
  return {
    ...{ mediaType, digest, size },
    ...(platform !== undefined && { platform: { ...platformOf(platform), ...details } }),
    ...(annotations !== undefined && isFilled(annotations) && { annotations }),
  }
}

function platformOf({ os, architecture, variant }: Platform): object {
  return { architecture, os, ...(variant !== undefined && { variant }) }
}

function isFilled(record: object): boolean {
  return Object.keys(record).length > 0
}
