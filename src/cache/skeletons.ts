import type { Reading } from '../dockerfile/reading.js'

/** What is known of a build that may do with layers whose files have no content: skeletons. */
export interface SkeletonTerms {
  readonly reading: Reading
  /** By the names as they are written: which images FROM and `--from` mean now. */
  readonly bases: ReadonlyMap<string, BaseDigest>
  /**
   * Whether a push will find all these layers where it goes: each is a list of the digests that its blob may have.
   * Never rejects.
   */
  arePushed(layers: readonly (readonly string[])[]): Promise<boolean>
}

export interface BaseDigest {
  /** By which a storage knows it: `docker.io/library/debian:12`. */
  readonly name: string
  /** `sha256:…` of the manifest or the index that its registry has. */
  readonly digest: string
}
