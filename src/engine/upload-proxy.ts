import type { RegistryError } from '../errors.js'
import type { Secret } from '../lib/secret.js'
import type { Reference } from '../metadata/reference.js'

/** A manifest, as a registry has it under its digest. */
export interface PushedManifest {
  /** `sha256:…` */
  readonly digest: string
  readonly mediaType: string
  /** Bytes. */
  readonly size: number
}

/** How a layer lies compressed in registries. */
export interface CompressedLayer {
  /** `sha256:…` of its tar archive. */
  readonly diffId: string
  readonly compression: 'gzip' | 'zstd'
  /** `sha256:…` of the blob. */
  readonly digest: string
  /** Of the blob, bytes. */
  readonly size: number
  /** Those that have the blob. */
  readonly repositories: readonly Reference[]
}

/** A registry on loopback, without TLS, that stands in for one repository and puts every manifest there by its digest. */
export interface UploadProxy {
  /** `127.0.0.1:23456` */
  readonly host: string
  readonly username: string
  readonly password: Secret
  /** What it has put last, with its bytes; undefined where it has put nothing. */
  readonly manifest: () => (PushedManifest & { readonly bytes: Buffer }) | undefined
  /** Why there was no answer to what was asked last; undefined where there was one. */
  readonly failure: () => RegistryError | undefined
  close(): Promise<void>
}

/** Opens a proxy of a repository. @param layers that needn't be sent where their blobs are in the registry already */
export type OpenProxy = (repository: Reference, layers: readonly CompressedLayer[]) => Promise<UploadProxy>
