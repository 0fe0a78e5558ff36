/** A blob by its digest, `sha256:…`, and its size in bytes. */
export interface BlobName {
  readonly digest: string
  readonly size: number
}

/** Text of a manifest, and its digest. */
export interface StoredManifest {
  readonly digest: string
  readonly text: string
}

/**
 * One repository of a registry, for what isn't an image: blobs of any size, which lie in files, and manifests under tags.
 * Every question is asked once; what takes long is ended by its signal. All reject with a RegistryError, or the error of a file.
 */
export interface ArtifactRepository {
  /** `ghcr.io/acme/web-cache`. */
  readonly name: string
  /** @returns undefined where nothing has this tag */
  fetchManifest(tag: string, signal: AbortSignal): Promise<StoredManifest | undefined>
  /** @returns false where the registry takes no manifest like this one */
  putManifest(tag: string, mediaType: string, text: string, signal: AbortSignal): Promise<boolean>
  /** @returns false where the registry doesn't delete, or not for this login */
  deleteManifest(digest: string, signal: AbortSignal): Promise<boolean>
  hasBlob(digest: string): Promise<boolean>
  /**
   * Writes a blob into a file that isn't there yet. Whether it has this digest is for the caller to find out; it hasn't
   * more bytes.
   * @returns false where the repository has none
   */
  fetchBlob(blob: BlobName, path: string, signal: AbortSignal): Promise<boolean>
  /** Sends a file, whether the repository has it or not. */
  putBlob(blob: BlobName, path: string, signal: AbortSignal): Promise<void>
  /** Takes a blob over from another repository of the same registry. @returns whether it is there now */
  mountBlob(digest: string, from: string): Promise<boolean>
  /** Up to a thousand tags. */
  tags(signal: AbortSignal): Promise<readonly string[]>
  /** Whether anybody reads it, without a login. */
  isPublic(tag: string, signal: AbortSignal): Promise<boolean>
  /** Calls so far. */
  requests(): number
  close(): void
}

/** How repositories are opened. */
export interface RepositoryAccess {
  /** @param writes whether something will be written, so that one question for a token is enough */
  open(name: string, writes: boolean): Promise<ArtifactRepository>
  /** What a later process must know to open them in the same way; nothing of it is secret. */
  readonly terms: RepositoryTerms
}

export interface RepositoryTerms {
  /** Which the login of the inputs is for, where they have one. */
  readonly registry: string
  /** Registries (`host:port`) that may be asked by plain HTTP or with an unknown certificate. */
  readonly insecure: readonly string[]
}
