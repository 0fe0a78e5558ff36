import type { Logins } from '../auth/keychain.js'
import type { Env } from '../exec.js'
import type { Clock } from '../lib/clock.js'
import type { Reference } from '../metadata/reference.js'
import type { Blob, Descriptor, Manifest } from './manifest.js'
import type { KnownLayer } from './proxied-blobs.js'
import type { UploadProxy } from './upload-proxy.js'
import type { Trial } from './uploads.js'

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
   * Puts a manifest under a tag, or under its own digest alone, and reads back which digest is there. What it names must
   * be in the repository.
   * @throws RegistryError when it is refused, or another digest is there
   */
  putManifest(
    reference: Reference & ({ readonly tag: string } | { readonly digest: string }),
    manifest: Manifest,
  ): Promise<void>
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
  /**
   * Opens a registry on loopback that stands in for a repository, for an engine that pushes there by digest.
   * @param layers whose blobs may be in the registry already
   */
  openProxy(repository: Reference, layers: readonly KnownLayer[]): Promise<UploadProxy>
  /** Lets go of connections. */
  close(): void
}

export interface RegistriesOptions extends Logins {
  /** Registries (`host:port`) that the user allowed plain HTTP and unknown certificates for, and no other. */
  readonly insecure: readonly string[]
  /** For credential helpers and certificates; proxies are those of this process. */
  readonly env: Env
  /** Default, the system's. */
  readonly clock?: Clock
}

/** The client, which is loaded when it is needed. */
export interface RegistryClient {
  /** Loads it ahead of its use. */
  load(): void
  open(options: RegistriesOptions): Promise<Registries>
}
