import type { ArtifactRepository } from '../artifact-repository.js'
import type { Logins } from '../auth/keychain.js'
import type { Env } from '../exec.js'
import type { Clock } from '../lib/clock.js'
import type { Reference } from '../metadata/reference.js'
import type { Blob, Descriptor, Manifest } from './manifest.js'
import type { KnownLayer } from './proxied-blobs.js'
import type { UploadProxy } from './upload-proxy.js'
import type { Trial } from './uploads.js'

/** Reads from and writes to registries. Each gets only the login that is meant for it. */
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
   * Puts a manifest under a tag, or under its own digest alone, and reads back which digest is there. What it names must
   * be in the repository.
   * @throws RegistryError when it is refused, or another digest is there
   */
  putManifest(
    reference: Reference & ({ readonly tag: string } | { readonly digest: string }),
    manifest: Manifest,
  ): Promise<void>
  /**
   * Mounts a blob from another repository of the same registry, so that its bytes needn't be sent.
   * @returns whether it was mounted; false if the registry wants the bytes
   * @throws RegistryError
   */
  mountBlob(into: Reference, digest: string, from: Reference): Promise<boolean>
  /**
   * Uploads a small blob, such as the configuration of an image, unless the repository has it.
   * @throws RegistryError
   */
  putBlob(into: Reference, blob: Blob): Promise<void>
  /**
   * Whether a repository has a blob that can be pulled.
   * @throws RegistryError
   */
  hasBlob(reference: Reference, digest: string): Promise<boolean>
  /**
   * A small blob, such as the configuration of an image, checked against its digest.
   * @param limit of its bytes, that of a manifest by default
   * @throws RegistryError, also if there is none
   */
  fetchBlob(reference: Reference, digest: string, limit?: number): Promise<Buffer>
  /**
   * Whether the registry lists what refers to a manifest.
   * @throws RegistryError
   */
  hasReferrersApi(reference: Reference & { readonly digest: string }): Promise<boolean>
  /**
   * Tests once whether the login may push to the repository of a reference. Pushes nothing.
   * @throws RegistryError that says whether it was refused
   */
  tryPush(reference: Reference): Promise<Trial>
  /**
   * Opens a registry on loopback that stands in for a repository, for an engine that pushes there by digest.
   * @param layers whose blobs may be in the registry already
   */
  openProxy(repository: Reference, layers: readonly KnownLayer[]): Promise<UploadProxy>
  /** Opens a repository for what isn't an image, with connections of its own. @param writes whether something will be written */
  openArtifacts(name: string, writes: boolean): ArtifactRepository
  /** Closes all connections. */
  close(): void
}

export interface RegistriesOptions extends Logins {
  /** The only registries (`host:port`) for which the user allows plain HTTP and unknown certificates. */
  readonly insecure: readonly string[]
  /** Environment for credential helpers and certificates. Proxies are taken from this process. */
  readonly env: Env
  /** The system's by default. */
  readonly clock?: Clock
}

/** The client, which is loaded when it is needed. */
export interface RegistryClient {
  /** Loads the client before it is used. */
  load(): void
  open(options: RegistriesOptions): Promise<Registries>
}
