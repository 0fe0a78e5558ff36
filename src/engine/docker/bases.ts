import { listOf, objectOf } from '../../lib/json.js'

/** Stands for an image whose digest is not reported. */
const UNKNOWN = 'unknown'

/**
 * Digests of the images that a build was made of, by what Buildx has written down of BuildKit's provenance; undefined for
 * a BuildKit that keeps none. Pure. @see SLSA provenance v0.2, `materials`
 */
export function usedImages(metadata: Readonly<Record<string, unknown>>): string[] | undefined {
  const provenance = metadata['buildx.build.provenance']
  if (typeof provenance !== 'object' || provenance === null) return undefined
  const { materials } = objectOf(provenance)
  const images = listOf(materials)
    .map(objectOf)
    .filter(({ uri }) => /^pkg:docker\//.test(String(uri)))
  return [...new Set(images.map(({ digest }) => digestOf(objectOf(digest)['sha256'])))]
}

function digestOf(value: unknown): string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? `sha256:${value}` : UNKNOWN
}
