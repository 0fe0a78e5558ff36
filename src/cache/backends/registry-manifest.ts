import { createHash } from 'node:crypto'
import type { BlobName, StoredManifest } from '../../artifact-repository.js'
import { isObject, listOf, parseObject } from '../../lib/json.js'

/** What a tag of the cache has: a text, and the parts that it names. */
export interface Artifact {
  /** As gzip has it. */
  readonly text: BlobName
  /** The text itself, where the manifest has it in it. */
  readonly data: Buffer | undefined
  readonly config: BlobName
  readonly parts: readonly BlobName[]
  /** Milliseconds since 1970; 0 where it isn't said. */
  readonly created: number
}

export interface ArtifactFacts {
  readonly kind: 'index' | 'build-record'
  /** As gzip has it. */
  readonly text: Buffer
  readonly parts: readonly BlobName[]
  /** What it is of, for a person. */
  readonly title: string
  /** Milliseconds since 1970. */
  readonly created: number
}

/** A manifest, and the configuration that must be there before it. */
export interface FormattedArtifact {
  readonly manifest: string
  readonly config: string
}

/**
 * `artifact` as OCI 1.1 has it, with a type of its own; `image` for registries that take nothing else: an image of no
 * platform, with layers that nobody unpacks.
 */
export type Form = 'artifact' | 'image'

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const OWN = 'application/vnd.rootless-image-build.cache'
const TYPES = {
  artifact: {
    config: 'application/vnd.oci.empty.v1+json',
    text: `${OWN}.text.v1.json+gzip`,
    part: `${OWN}.part.v1`,
  },
  image: {
    config: 'application/vnd.oci.image.config.v1+json',
    text: 'application/vnd.oci.image.layer.v1.tar+gzip',
    part: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
} as const
/** A text up to this size lies in the manifest as well: reading it takes one request, not two. */
const INLINE_BYTES = 128 * 1024
const CREATED = 'org.opencontainers.image.created'

export function formatArtifact(facts: ArtifactFacts, form: Form): FormattedArtifact {
  const { kind, text, parts, title, created } = facts
  const types = TYPES[form]
  const named = blobNameOf(text)
  const rootfs = { type: 'layers', diff_ids: [named, ...parts].map(({ digest }) => digest) }
  const config = form === 'artifact' ? '{}' : JSON.stringify({ architecture: 'unknown', os: 'unknown', rootfs })
  const isInline = form === 'artifact' && text.length <= INLINE_BYTES
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    ...(form === 'artifact' && { artifactType: `${OWN}.${kind}.v1` }),
    config: { mediaType: types.config, ...blobNameOf(Buffer.from(config)) },
    layers: [
      { mediaType: types.text, ...named, ...(isInline && { data: text.toString('base64') }) },
      ...parts.map(({ digest, size }) => ({ mediaType: types.part, digest, size })),
    ],
    annotations: {
      [CREATED]: new Date(created).toISOString(),
      'org.opencontainers.image.title': title,
      'org.opencontainers.image.description': `Rootless Image Build, ${kind.replace('-', ' ')}; can be deleted at any time`,
    },
  }
  return { manifest: JSON.stringify(manifest), config }
}

/**
 * Reads the manifest of a tag, of either form.
 * @throws Error where it is something else
 */
export function parseArtifact(manifest: string): Artifact {
  const { config, layers, annotations } = parseObject(manifest)
  const [text, ...parts] = listOf(layers)
  const { data } = isObject(text) ? text : {}
  const created = Date.parse(String(isObject(annotations) ? annotations[CREATED] : undefined))
  return {
    text: blobName(text),
    data: typeof data === 'string' ? Buffer.from(data, 'base64') : undefined,
    config: blobName(config),
    parts: parts.map(blobName),
    created: Number.isNaN(created) ? 0 : created,
  }
}

/** All blobs that a manifest names; none where it is something else. */
export function blobsOf({ text: manifest }: StoredManifest): BlobName[] {
  try {
    const { text, config, parts } = parseArtifact(manifest)
    return [text, config, ...parts]
  } catch {
    return []
  }
}

export function blobNameOf(bytes: Buffer): BlobName {
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, size: bytes.length }
}

function blobName(value: unknown): BlobName {
  const { digest, size } = isObject(value) ? value : {}
  const isFine =
    typeof digest === 'string' &&
    /^sha256:[0-9a-f]{64}$/.test(digest) &&
    Number.isSafeInteger(size) &&
    Number(size) >= 0
  if (!isFine) throw new Error('a tag of the cache has something else than a cache')
  return { digest, size: Number(size) }
}
