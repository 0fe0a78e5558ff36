import { RegistryError } from '../../../src/errors.js'
import { formatReference, type Reference, repositoryOf } from '../../../src/metadata/reference.js'
import type { Registries, RegistriesOptions, RegistryClient } from '../../../src/registry/registries.js'
import { type Descriptor, digestLike, type Manifest } from '../../../src/registry/manifest.js'
import { type FakeArtifacts, fakeArtifacts } from './fake-artifacts.js'

/** Registries in memory, which a fake engine pushes to. Held to the real client by `registryContract()`. */
export interface FakeRegistries {
  readonly client: RegistryClient
  readonly registries: Registries
  readonly artifacts: FakeArtifacts
  /** What they were asked with, in order. */
  readonly opened: RegistriesOptions[]
  /** How often something was asked, and what. */
  readonly asked: string[]
  /** Puts a manifest with its configuration under a reference. @returns the digest of the manifest */
  put(reference: Reference, config: object): string
  /** The same under its digest alone. */
  putByDigest(repository: Reference, config: object): Descriptor
  /** Full references of all tags. */
  tags(): string[]
  /** Whether they list what refers to a manifest, which they don't by default, or what that question comes to. */
  setReferrersApi(has: boolean | RegistryError): void
  /** What every further question comes to, or every such question. */
  refuse(error: RegistryError, questions?: RegExp): void
}

const MEDIA_TYPE = 'application/vnd.oci.image.manifest.v1+json'

export function fakeRegistries(): FakeRegistries {
  const artifacts = fakeArtifacts()
  const manifests = new Map<string, Manifest>()
  const blobs = new Map<string, Buffer>()
  const opened: RegistriesOptions[] = []
  const asked: string[] = []
  let refusal: { readonly error: RegistryError; readonly questions: RegExp } | undefined
  let referrers: boolean | RegistryError = false
  const ask = (question: string) => {
    asked.push(question)
    return refusal?.questions.test(question) === true ? Promise.reject(refusal.error) : Promise.resolve()
  }
  const store = (reference: Reference, manifest: Manifest) => {
    if (reference.tag !== undefined) manifests.set(formatReference(reference), manifest)
    manifests.set(formatReference({ ...repositoryOf(reference), digest: manifest.digest }), manifest)
  }
  const registries: Registries = {
    async resolve(reference) {
      await ask(`resolve ${formatReference(reference)}`)
      const found = manifests.get(formatReference(reference))
      return found && { digest: found.digest, mediaType: found.mediaType, size: found.size }
    },
    async fetchManifest(reference) {
      await ask(`manifest ${formatReference(reference)}`)
      return manifests.get(formatReference({ ...repositoryOf(reference), digest: reference.digest }))
    },
    async putManifest(reference, manifest) {
      await ask(`put ${formatReference(reference)}`)
      store(reference, manifest)
    },
    async mountBlob(into, digest, from) {
      await ask(`mount ${digest}`)
      const bytes = blobs.get(`${formatReference(repositoryOf(from))} ${digest}`)
      if (bytes !== undefined) blobs.set(`${formatReference(repositoryOf(into))} ${digest}`, bytes)
      return bytes !== undefined
    },
    async putBlob(into, { digest, bytes }) {
      await ask(`upload ${digest}`)
      blobs.set(`${formatReference(repositoryOf(into))} ${digest}`, bytes)
    },
    async hasBlob(reference, digest) {
      await ask(`look at ${digest}`)
      return blobs.has(`${formatReference(repositoryOf(reference))} ${digest}`)
    },
    async fetchBlob(reference, digest) {
      await ask(`blob ${digest}`)
      const bytes = blobs.get(`${formatReference(repositoryOf(reference))} ${digest}`)
      if (bytes === undefined) throw new RegistryError(`${digest} isn't there.`, 'Push it.', false)
      return bytes
    },
    async hasReferrersApi({ digest }) {
      await ask(`referrers of ${digest}`)
      if (typeof referrers !== 'boolean') throw referrers
      return referrers
    },
    async tryPush(reference) {
      await ask(`try ${formatReference(reference)}`)
      return { asksLate: false }
    },
    openArtifacts: (name) => artifacts.open(name),
    openProxy: () => Promise.reject(new Error('a fake engine needs no proxy')),
    close: () => undefined,
  }
  const putImage = (reference: Reference, config: object): Descriptor => {
    const bytes = Buffer.from(JSON.stringify(config))
    const digest = digestLike(bytes)
    blobs.set(`${formatReference(repositoryOf(reference))} ${digest}`, bytes)
    const text = { schemaVersion: 2, mediaType: MEDIA_TYPE, config: { digest, size: bytes.length }, layers: [] }
    const manifest = Buffer.from(JSON.stringify(text))
    const descriptor = { digest: digestLike(manifest), mediaType: MEDIA_TYPE, size: manifest.length }
    store(reference, { bytes: manifest, ...descriptor })
    return descriptor
  }
  return {
    client: {
      load: () => undefined,
      open(options) {
        opened.push(options)
        return Promise.resolve(registries)
      },
    },
    artifacts,
    registries,
    opened,
    asked,
    put: (reference, config) => putImage(reference, config).digest,
    putByDigest: (repository, config) => putImage(repositoryOf(repository), config),
    tags: () => [...manifests.keys()].filter((name) => !name.includes('@')).sort(),
    setReferrersApi(has) {
      referrers = has
    },
    refuse(error, questions = /^/) {
      refusal = { error, questions }
    },
  }
}
