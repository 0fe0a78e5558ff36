import type { IndexEntry } from '../registry/image-index.js'
import { type Blob, type Descriptor, digestLike, type Manifest } from '../registry/manifest.js'
import { type Predicate, statement, type Subject } from './statement.js'

/** What is attached to one image, as BuildKit 0.32 stores it. */
export interface Attached {
  /** What the manifest names; in the repository before it. */
  readonly blobs: readonly Blob[]
  readonly manifest: Manifest
  /** What an index says of it. */
  readonly entry: IndexEntry
}

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const ARTIFACT_TYPE = 'application/vnd.docker.attestation.manifest.v1+json'
const IN_TOTO = 'application/vnd.in-toto+json'
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json'
const EMPTY = Buffer.from('{}')

/**
 * The attestation manifest of an image: an artifact with a layer for each statement, whose subject is the image. Pure.
 * @param image its manifest
 */
export function attestationManifest(
  image: Descriptor,
  predicates: readonly Predicate[],
  about: Omit<Subject, 'digest'>,
): Attached {
  const { digest, size, mediaType } = image
  const statements = predicates.map((predicate) => ({
    type: predicate.type,
    ...blobOf(Buffer.from(statement(predicate, { ...about, digest }))),
  }))
  const empty = blobOf(EMPTY)
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      artifactType: ARTIFACT_TYPE,
      config: { ...describe(EMPTY_TYPE, empty), data: EMPTY.toString('base64') },
      layers: statements.map(({ type, ...blob }) => ({
        ...describe(IN_TOTO, blob),
        annotations: { 'in-toto.io/predicate-type': type },
      })),
      subject: { mediaType, digest, size },
    }),
  )
  const manifest = { bytes, mediaType: OCI_MANIFEST, digest: digestLike(bytes), size: bytes.length }
  const entry = {
    ...describe(OCI_MANIFEST, manifest),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.digest': digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    },
  }
  return { blobs: [empty, ...statements.map((one) => ({ digest: one.digest, bytes: one.bytes }))], manifest, entry }
}

function blobOf(bytes: Buffer): Blob {
  return { digest: digestLike(bytes), bytes }
}

function describe(mediaType: string, { digest, bytes }: Blob): Descriptor {
  return { mediaType, digest, size: bytes.length }
}
