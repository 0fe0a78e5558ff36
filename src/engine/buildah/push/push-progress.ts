import { formatBytes, formatCount } from '../../../lib/format.js'
import type { Image } from '../../engine.js'
import { lineReader } from '../../../lib/lines.js'

/**
 * Counts the layers that a push has come to, by what Buildah prints: a line when each is begun. Where it doesn't print
 * onto a terminal, it tells no bytes.
 */
export function countBlobs(): { readonly add: (chunk: Uint8Array) => void; readonly count: () => number } {
  const digests = new Set<string>()
  const add = lineReader((line) => {
    const digest = /^Copying blob (\S+)/.exec(line)?.[1]
    if (digest !== undefined) digests.add(digest)
  })
  return { add, count: () => digests.size }
}

/** `3 of 7 layers started, 419.0 MB in total, uncompressed; 15 s so far`. Pure. */
export function pushedSoFar({ size }: Pick<Image, 'size'>, begun: number, seconds: number): string {
  const so = `${Math.round(seconds)} s so far`
  if (size === undefined) return `${formatCount(begun, 'layer')} started; ${so}`
  const bytes = size.bytes === undefined ? '' : `, ${formatBytes(size.bytes)} in total, uncompressed`
  return `${begun} of ${formatCount(size.layers, 'layer')} started${bytes}; ${so}`
}
