import { objectOf, parseObject } from '../json.js'

/**
 * Sizes of the layers that a manifest names, the lowest first; undefined for one that lies there compressed, and for a
 * text that is no manifest. Pure.
 */
export function layersOf(manifest: string): readonly (number | undefined)[] | undefined {
  const { layers } = parseObject(manifest)
  if (!Array.isArray(layers)) return undefined
  return layers.map((layer: unknown) => {
    const { mediaType, size } = objectOf(layer)
    return typeof size === 'number' && typeof mediaType === 'string' && mediaType.endsWith('.tar') ? size : undefined
  })
}
