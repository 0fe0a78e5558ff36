import { describe, expect, it } from '@jest/globals'
import { layersOf } from '../../src/engine/layers.js'

describe('layersOf', () => {
  const layer = (mediaType: unknown, size: unknown) => ({ mediaType, size, digest: 'sha256:0' })

  it('gives sizes of layers as they are unpacked', () => {
    const layers = [
      layer('application/vnd.oci.image.layer.v1.tar', 1_984_512),
      layer('application/vnd.docker.image.rootfs.diff.tar', 5),
      layer('application/vnd.oci.image.layer.v1.tar+gzip', 3),
      layer(undefined, 3),
      layer('application/vnd.oci.image.layer.v1.tar', '3'),
      null,
    ]
    expect(layersOf(JSON.stringify({ schemaVersion: 2, layers }))).toStrictEqual([
      ...[1_984_512, 5],
      ...[undefined, undefined, undefined, undefined],
    ])
  })

  it.each(['', 'no manifest', 'null', '{}', '{"layers":3}', '[]'])('knows nothing of %j', (text) => {
    expect(layersOf(text)).toBeUndefined()
  })
})
