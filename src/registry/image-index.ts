import type { Platform } from '../lib/platform.js'
import { type Descriptor, digestLike, type Manifest } from './manifest.js'

/** A manifest, as an index names it. */
export interface IndexEntry extends Descriptor {
  /** `unknown/unknown` for what is for no platform, such as an attestation. */
  readonly platform: Platform
  /** What else is said of the platform, such as `os.version`. */
  readonly details?: Readonly<Record<string, unknown>>
  readonly annotations?: readonly Annotation[]
}

interface Annotation {
  readonly name: string
  readonly value: string
}

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'

/** An index of these, in their order: the same entries are the same bytes. Pure. */
export function imageIndex(entries: readonly IndexEntry[], annotations: readonly Annotation[]): Manifest {
  // A registry that has taken no OCI manifest takes no OCI index.
  const isDocker = entries.length > 0 && entries.every(({ mediaType }) => mediaType === DOCKER_MANIFEST)
  const mediaType = isDocker ? DOCKER_LIST : OCI_INDEX
  const text = {
    schemaVersion: 2,
    mediaType,
    manifests: entries.map((entry) => ({
      mediaType: entry.mediaType,
      digest: entry.digest,
      size: entry.size,
      platform: { ...platformOf(entry.platform), ...entry.details },
      ...annotationsOf(entry.annotations ?? []),
    })),
    ...annotationsOf(annotations),
  }
  const bytes = Buffer.from(JSON.stringify(text))
  return { bytes, digest: digestLike(bytes), mediaType, size: bytes.length }
}

/** In the order of the specification's own examples. */
function platformOf({ os, architecture, variant }: Platform) {
  return { architecture, os, ...(variant !== undefined && { variant }) }
}

function annotationsOf(annotations: readonly Annotation[]) {
  if (annotations.length === 0) return {}
  return { annotations: Object.fromEntries(annotations.map(({ name, value }) => [name, value])) }
}
