import type { ArtifactRepository } from '../artifact-repository.js'
import { systemClock } from '../lib/clock.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import { withRetries } from '../lib/retry.js'
import { reading } from './request.js'
import { findBlob, readBlob } from './blobs.js'
import type { Blob, Descriptor, Manifest } from './manifest.js'
import { lookUpManifest, putManifest, readManifest } from './manifest-requests.js'
import { openArtifacts } from './artifacts.js'
import { openClient } from './open-client.js'
import type { RegistriesOptions } from './options.js'
import { mount, type Trial, tryPush, upload } from './uploads.js'

/** Registries, each asked by its own protocol, with a login that is for it and for nobody else. */
export interface Registries {
  /**
   * What a tag or a digest points to now; undefined where the registry has none.
   * @throws RegistryError
   */
  resolve(reference: Reference): Promise<Descriptor | undefined>
  /**
   * The manifest with this digest, checked against it; undefined where the registry has none.
   * @throws RegistryError
   */
  fetchManifest(reference: Reference & { readonly digest: string }): Promise<Manifest | undefined>
  /**
   * Puts a manifest under a tag, and reads back which digest is there. What it names must be in the repository.
   * @throws RegistryError when it is refused, or another digest is there
   */
  putManifest(reference: Reference & { readonly tag: string }, manifest: Manifest): Promise<void>
  /**
   * Makes a blob of another repository of the same registry one of this repository, without its bytes.
   * @returns whether it is there now; not, where the registry wants its bytes
   * @throws RegistryError
   */
  mountBlob(into: Reference, digest: string, from: Reference): Promise<boolean>
  /**
   * Puts a small blob, such as the configuration of an image, into a repository, where it isn't there yet.
   * @throws RegistryError
   */
  putBlob(into: Reference, blob: Blob): Promise<void>
  /**
   * Whether a repository has a blob, so that it can be pulled.
   * @throws RegistryError
   */
  hasBlob(reference: Reference, digest: string): Promise<boolean>
  /**
   * A small blob, such as the configuration of an image, checked against its digest.
   * @throws RegistryError also where there is none
   */
  fetchBlob(reference: Reference, digest: string): Promise<Buffer>
  /**
   * Tries whether something may be put into the repository of a reference, once; nothing is.
   * @throws RegistryError that says whether it was refused
   */
  tryPush(reference: Reference): Promise<Trial>
  /** Opens a repository for what isn't an image, with connections of its own. @param writes whether something will be written */
  openArtifacts(name: string, writes: boolean): ArtifactRepository
  /** Lets go of connections. */
  close(): void
}

/** The client, which is loaded when it is needed. */
export interface RegistryClient {
  /** Loads it ahead of its use. */
  load(): void
  open(options: RegistriesOptions): Promise<Registries>
}

export function openRegistries(options: RegistriesOptions): Registries {
  const { clock = systemClock } = options
  const client = openClient(options)
  return {
    resolve: (reference) =>
      withRetries(
        `Lookup of ${formatReference(reference)}`,
        () => lookUpManifest(client, reference, reading(reference)),
        clock,
      ),
    fetchManifest: (reference) =>
      withRetries(
        `Fetch of the manifest ${formatReference(reference)}`,
        () => readManifest(client, reference, reading(reference)),
        clock,
      ),
    putManifest: (reference, manifest) =>
      withRetries(`Tag ${formatReference(reference)}`, () => putManifest(client, reference, manifest), clock),
    mountBlob: (into, digest, from) =>
      withRetries(`Mount of ${digest} into ${formatReference(into)}`, () => mount(client, into, digest, from), clock),
    putBlob: (into, blob) =>
      withRetries(`Upload of ${blob.digest} to ${formatReference(into)}`, () => upload(client, into, blob), clock),
    hasBlob: (reference, digest) =>
      withRetries(
        `Lookup of ${digest} in ${formatReference(reference)}`,
        () => findBlob(client, reference, digest),
        clock,
      ),
    fetchBlob: (reference, digest) =>
      withRetries(
        `Fetch of ${digest} from ${formatReference(reference)}`,
        () => readBlob(client, reference, digest),
        clock,
      ),
    tryPush: (reference) => tryPush(client, reference),
    openArtifacts: (name, writes) => openArtifacts(options, name, writes),
    close: () => {
      client.connection.close()
    },
  }
}
