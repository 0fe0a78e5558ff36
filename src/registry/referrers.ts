import { RegistryError } from '../errors.js'
import { isObject, listOf, parseObject } from '../lib/json.js'
import { formatReference, type Reference, repositoryOf } from '../metadata/reference.js'
import { type Blob, type Descriptor, digestLike, type Manifest } from './manifest.js'
import type { Registries } from './registries.js'
import { ask, type ClientContext, reading } from './request.js'

/** What is said of an image, in a file of its own. */
export interface Artifact {
  /** Media type of the file, which is that of the artifact as well. */
  readonly type: string
  readonly content: Buffer
  readonly annotations: Readonly<Record<string, string>>
}

export type Subject = Reference & { readonly digest: string }

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'
const EMPTY = { mediaType: 'application/vnd.oci.empty.v1+json', ...blobOf(Buffer.from('{}')) }
/** Others may write the fallback tag at the same time. */
const TRIES = 3

/** Whether a registry has the referrers API. @throws RegistryError if it can't be reached */
export async function hasReferrersApi(client: ClientContext, { digest, ...name }: Subject): Promise<boolean> {
  const path = `/v2/${name.repository}/referrers/${digest}`
  // One that doesn't know the path may lead to a page of a web site.
  const { status, headers } = await ask(client, reading(name), { method: 'GET', path, headers: { accept: INDEX } })
  return status === 200 && headers['content-type']?.split(';')[0]?.trim() === INDEX
}

/**
 * Puts an artifact beside an image, where those who look for what refers to it find it.
 * @param tagged whether it gets the fallback tag where the registry hasn't the referrers API
 * @returns false where the registry hasn't the API, and nothing was put
 * @throws RegistryError
 */
export async function attachArtifact(
  registries: Registries,
  image: Subject,
  artifact: Artifact,
  tagged: boolean,
): Promise<boolean> {
  const { registry } = image
  const subject = await registries.resolve(image)
  if (subject === undefined)
    throw new RegistryError(
      `${registry} doesn't have ${formatReference(image)} any more.`,
      'Check whether the registry removes manifests, and run the job again.',
      false,
    )
  const hasApi = await registries.hasReferrersApi(image)
  if (!hasApi && !tagged) return false
  const manifest = artifactManifest(subject, artifact)
  for (const blob of [EMPTY, blobOf(artifact.content)]) await registries.putBlob(image, blob)
  await registries.putManifest({ ...repositoryOf(image), digest: manifest.digest }, manifest)
  if (!hasApi) await list(registries, image, manifest, artifact)
  return true
}

/** The manifest of an artifact that refers to a manifest. Pure. */
export function artifactManifest(subject: Descriptor, { type, content, annotations }: Artifact): Manifest {
  const { digest, mediaType, size } = EMPTY
  return manifestOf(MANIFEST, {
    artifactType: type,
    config: { mediaType, digest, size, data: 'e30=' },
    layers: [{ mediaType: type, digest: digestLike(content), size: content.length }],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations,
  })
}

/** Adds it to the index under the fallback tag, `sha256-…`, which has what the API would list. */
async function list(
  registries: Registries,
  { digest: subject, ...name }: Subject,
  { digest, mediaType, size }: Manifest,
  { type, annotations }: Artifact,
): Promise<void> {
  const reference = { ...repositoryOf(name), tag: subject.replace(':', '-') }
  const entry = { mediaType, digest, size, artifactType: type, annotations }
  for (let left = TRIES; ; left -= 1) {
    const others = await listed(registries, reference)
    const index = manifestOf(INDEX, { manifests: [...others.filter((other) => other['digest'] !== digest), entry] })
    try {
      await registries.putManifest(reference, index)
      return
    } catch (error) {
      const there = await registries.resolve(reference)
      if (left <= 1 || !(error instanceof RegistryError) || there === undefined || there.digest === index.digest)
        throw error
    }
  }
}

async function listed(
  registries: Registries,
  reference: Reference & { readonly tag: string },
): Promise<Readonly<Record<string, unknown>>[]> {
  const there = await registries.resolve(reference)
  if (there === undefined) return []
  const index = await registries.fetchManifest({ ...repositoryOf(reference), digest: there.digest })
  const { manifests, mediaType } = parseObject(index?.bytes.toString('utf8') ?? '')
  if (mediaType === INDEX) return listOf(manifests).filter(isObject)
  throw new RegistryError(
    `Input "attest": the tag ${formatReference(reference)}, where attestations are listed, has something else under it.`,
    'Write `attest: true`: with it, a registry without the referrers API gets no attestation; GitHub has it.',
    false,
  )
}

function manifestOf(mediaType: string, content: object): Manifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }))
  return { mediaType, ...blobOf(bytes) }
}

function blobOf(bytes: Buffer): Blob & { readonly size: number } {
  return { digest: digestLike(bytes), bytes, size: bytes.length }
}
