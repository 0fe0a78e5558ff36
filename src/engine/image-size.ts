import { objectOf, parseObject } from '../lib/json.js'
import type { Size } from './engine.js'

/**
 * Size of the layers that a manifest names, whose sum isn't known where one lies there compressed; undefined for a text
 * that is no manifest. Pure.
 */
export function sizeOf(manifest: string): Size | undefined {
  const { layers } = parseObject(manifest)
  if (!Array.isArray(layers)) return undefined
  const sizes = layers.map((layer: unknown) => {
    const { mediaType, size } = objectOf(layer)
    return typeof size === 'number' && typeof mediaType === 'string' && mediaType.endsWith('.tar') ? size : NaN
  })
  const bytes = sizes.reduce((sum, one) => sum + one, 0)
  return { layers: sizes.length, bytes: Number.isNaN(bytes) ? undefined : bytes }
}
