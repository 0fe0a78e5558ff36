import { listOf, objectOf, parseObject } from '../../lib/json.js'
import type { Size } from '../engine.js'

/** Size of an image in the daemon, from what `docker image inspect` prints of it; undefined for another text. Pure. */
export function inspectedSize(text: string): Size | undefined {
  const { Size: bytes, RootFS: files } = parseObject(text)
  const { Layers: layers } = objectOf(files)
  // Of an image without any, Docker leaves the list out.
  if (typeof bytes !== 'number' || typeof files !== 'object') return undefined
  return { layers: listOf(layers).length, bytes }
}
