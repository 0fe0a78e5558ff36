import type { BlobInfoCache } from './blob-info-cache.js'

/**
 * A compressed digest, and behind it the digest of the same layer uncompressed: as the columns of a row lie in SQLite, and
 * key and value in BoltDB.
 */
const PAIR = /(sha256:[0-9a-f]{64})(?=(sha256:[0-9a-f]{64}))/g

/**
 * The blobs that Buildah's blob info cache knows of layers, by the digests of their uncompressed archives: a push takes
 * these, and needn't read the layer. What else stands side by side in the file is among them, so that a registry must be
 * asked for them. Pure.
 */
export function knownBlobs(memory: readonly BlobInfoCache[]): ReadonlyMap<string, readonly string[]> {
  const blobs = new Map<string, Set<string>>()
  for (const { content } of memory) {
    for (const [, blob = '', layer = ''] of Buffer.from(content, 'base64').toString('latin1').matchAll(PAIR)) {
      blobs.set(layer, (blobs.get(layer) ?? new Set()).add(blob))
    }
  }
  return new Map([...blobs].map(([layer, found]) => [layer, [...found]]))
}
