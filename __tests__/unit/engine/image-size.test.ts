import { describe, expect, it } from '@jest/globals'
import { inspectedSize } from '../../../src/engine/docker/image-size.js'
import { sizeOf } from '../../../src/engine/image-size.js'

describe('sizeOf', () => {
  const layer = (mediaType: unknown, size: unknown) => ({ mediaType, size, digest: 'sha256:0' })
  const unpacked = [
    layer('application/vnd.oci.image.layer.v1.tar', 1_984_512),
    layer('application/vnd.docker.image.rootfs.diff.tar', 5),
  ]
  const manifest = (...layers: readonly unknown[]) => JSON.stringify({ schemaVersion: 2, layers })

  it('sums layers as they are unpacked', () => {
    expect(sizeOf(manifest(...unpacked))).toStrictEqual({ layers: 2, bytes: 1_984_517 })
    expect(sizeOf(manifest())).toStrictEqual({ layers: 0, bytes: 0 })
  })

  it.each([
    [layer('application/vnd.oci.image.layer.v1.tar+gzip', 3)],
    [layer(undefined, 3)],
    [layer('application/vnd.oci.image.layer.v1.tar', '3')],
    [null],
  ])('counts %j, and knows no sum then', (other) => {
    expect(sizeOf(manifest(...unpacked, other))).toStrictEqual({ layers: 3, bytes: undefined })
  })

  it.each(['', 'no manifest', 'null', '{}', '{"layers":3}', '[]'])('knows nothing of %j', (text) => {
    expect(sizeOf(text)).toBeUndefined()
  })
})

describe('inspectedSize', () => {
  it.each([
    ['{"Size":1240001,"RootFS":{"Type":"layers","Layers":["sha256:1","sha256:2"]}}\n', { layers: 2, bytes: 1_240_001 }],
    ['{"Size":0,"RootFS":{"Type":"layers"}}', { layers: 0, bytes: 0 }],
    ['{"Size":"1","RootFS":{"Layers":[]}}', undefined],
    ['{"Size":1}', undefined],
    ['[]', undefined],
    ['', undefined],
  ])('of %j is %j', (text, expected) => {
    expect(inspectedSize(text)).toStrictEqual(expected)
  })
})
