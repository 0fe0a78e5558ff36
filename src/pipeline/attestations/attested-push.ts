import { attestationManifest } from '../../attestation/attestation-manifest.js'
import type { Predicate } from '../../attestation/statement.js'
import type { Engine, Image, Pushed } from '../../engine/engine.js'
import type { Platform } from '../../lib/platform.js'
import { formatReference, type Reference, repositoryOf } from '../../metadata/reference.js'
import { imageIndex } from '../../registry/image-index.js'
import type { Manifest } from '../../registry/manifest.js'
import type { Registries } from '../../registry/registries.js'
import { putIndexes } from '../push/image-index.js'
import type { RegistriesOnDemand } from '../pipeline-context.js'
import { type PushedByDigest, pushAllByDigest, pushEach } from '../push/push.js'

/** An image with what is attached to it. */
export interface AttestedImage {
  readonly image: Image
  readonly predicates: readonly Predicate[]
  readonly platform: Platform
  /** Its names: what is said is said of each. */
  readonly names: readonly Reference[]
}

/**
 * Pushes an image by its digest, and puts an index of it and its attestations under each of these references, or, where
 * one has no tag, under its digest.
 * @throws UserError as `pushAll`
 */
export async function pushAttested(
  engine: Pick<Engine, 'pushByDigest'>,
  attested: AttestedImage,
  references: readonly Reference[],
  { open }: RegistriesOnDemand,
): Promise<Pushed[]> {
  const { image } = attested
  const found = await pushAllByDigest(engine, { ...image, references }, open)
  const registries = await open()
  const inRepository = (repository: Reference) => {
    const name = formatReference(repository)
    const own = found.find(({ reference }) => formatReference(reference) === name)
    if (own === undefined) throw new Error(`nothing was pushed to ${name}`)
    return own
  }
  const make = async (repository: Reference) => await putAttached(inRepository(repository), attested, registries)
  const tagged = references.filter(({ tag }) => tag !== undefined)
  const { pushed } = await putIndexes(tagged, make, registries)
  const others = references.filter(({ tag }) => tag === undefined)
  const small = { references: others, size: { layers: 0, bytes: 0 } }
  const untagged = await pushEach(small, others, async (reference) => {
    const index = await make(reference)
    await registries.putManifest({ ...reference, digest: index.digest }, index)
    return { reference, digest: index.digest }
  })
  return [...pushed, ...untagged].map((one) => ({ ...one, image: inRepository(repositoryOf(one.reference)).digest }))
}

/** The index of an image and what is attached to it, all of which is in the repository then. */
async function putAttached(
  { reference, digest, mediaType, size }: PushedByDigest,
  { predicates, platform, names }: AttestedImage,
  registries: Pick<Registries, 'putBlob' | 'putManifest'>,
): Promise<Manifest> {
  const image = { digest, mediaType, size }
  const attached = attestationManifest(image, predicates, { platform, references: names })
  for (const blob of attached.blobs) await registries.putBlob(reference, blob)
  await registries.putManifest({ ...reference, digest: attached.manifest.digest }, attached.manifest)
  return imageIndex([{ platform, ...image }, attached.entry])
}
