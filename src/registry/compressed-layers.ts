import { isObject, listOf, parseObject } from '../lib/json.js'

/** A layer of which it is known how it lies compressed in some registry. */
export interface CompressedLayer {
  /** Of its tar archive, as the configuration of an image names it. */
  readonly diffId: string
  readonly compression: 'gzip' | 'zstd'
  /** Of the blob. */
  readonly digest: string
  /** Of the blob, bytes. */
  readonly size: number
}

/** Media types of layers, by that of the tar archive alone. */
const COMPRESSED: Readonly<Record<string, Partial<Record<CompressedLayer['compression'], string>>>> = {
  'application/vnd.oci.image.layer.v1.tar': {
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  },
  // Docker's format knows no zstd.
  'application/vnd.docker.image.rootfs.diff.tar': { gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip' },
}

/**
 * A manifest in which these layers are their compressed blobs. The rest stays as it is written, byte for byte: the digest
 * is then the one that the manifest has when its writer knows of the blobs. Pure.
 * @param layers by the digests under which the manifest has them
 * @throws Error where one can't be replaced
 */
export function withCompressed(manifest: Buffer, layers: ReadonlyMap<string, CompressedLayer>): Buffer {
  const text = manifest.toString('utf8')
  const named = listOf(parseObject(text)['layers']).filter(isObject)
  const replaced = named.reduce((rest, { mediaType, digest, size }) => {
    const layer = typeof digest === 'string' ? layers.get(digest) : undefined
    if (layer === undefined || typeof digest !== 'string') return rest
    const type = typeof mediaType === 'string' ? COMPRESSED[mediaType]?.[layer.compression] : undefined
    if (type === undefined) throw new Error(`a layer of type ${String(mediaType)} can't be ${layer.compression}`)
    return rest.replaceAll(new RegExp(`\\{[^{}]*"digest":\\s*"${digest}"[^{}]*\\}`, 'g'), (descriptor) =>
      descriptor
        .replace(`"${String(mediaType)}"`, `"${type}"`)
        .replace(`"${digest}"`, `"${layer.digest}"`)
        .replace(new RegExp(`("size":\\s*)${String(size)}\\b`), `$1${layer.size}`),
    )
  }, text)
  const left = listOf(parseObject(replaced)['layers']).filter(isObject)
  const isDone = left.every(({ digest, size }, index) => {
    const layer = layers.get(String(named[index]?.['digest']))
    return layer === undefined || (digest === layer.digest && size === layer.size)
  })
  if (!isDone || left.length !== named.length) throw new Error("the layers of a manifest can't be replaced")
  return Buffer.from(replaced)
}
