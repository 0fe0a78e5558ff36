import { describe, expect, it } from '@jest/globals'
import { type CompressedLayer, withCompressed } from '../../../src/registry/compressed-layers.js'

const digest = (letter: string) => `sha256:${letter.repeat(64)}`
const OCI = 'application/vnd.oci.image.layer.v1.tar'
const DOCKER = 'application/vnd.docker.image.rootfs.diff.tar'
const layer = (changes: Partial<CompressedLayer> = {}): CompressedLayer => ({
  ...{ diffId: digest('a'), compression: 'gzip', digest: digest('b'), size: 17 },
  ...changes,
})
const known = (...layers: CompressedLayer[]) => new Map(layers.map((one) => [one.diffId, one]))
const replaced = (text: string, ...layers: CompressedLayer[]) =>
  withCompressed(Buffer.from(text), known(...layers)).toString()

describe('withCompressed', () => {
  it.each([
    ['OCI', `{"mediaType":"${OCI}","digest":"A","size":99}`, `{"mediaType":"${OCI}+gzip","digest":"B","size":17}`],
    [
      'Docker',
      `{"mediaType":"${DOCKER}","size":99,"digest":"A"}`,
      `{"mediaType":"${DOCKER}.gzip","size":17,"digest":"B"}`,
    ],
  ])('names the blob in place of a layer of %s, and leaves everything else byte for byte', (_, before, after) => {
    const manifest = (descriptor: string) =>
      `{"layers":[${descriptor},{"mediaType":"${OCI}+gzip","digest":"${digest('c')}","size":99}, ${descriptor}],` +
      `"annotations":{"a":"\\u003c99\\u003e  ${digest('a')}"}}`
    const written = (text: string) =>
      manifest(text.replace('"A"', `"${digest('a')}"`).replace('"B"', `"${digest('b')}"`))
    expect(replaced(written(before), layer())).toBe(written(after))
  })

  it('changes nothing where nothing is known', () => {
    const text = `{ "layers": [ {"mediaType":"${OCI}","digest":"${digest('a')}","size":99} ] }\n`
    expect(replaced(text)).toBe(text)
    expect(replaced(text, layer({ diffId: digest('d') }))).toBe(text)
  })

  it('refuses what it can’t replace', () => {
    const text = (type: string) => `{"layers":[{"mediaType":"${type}","digest":"${digest('a')}","size":99}]}`
    expect(() => replaced(text(DOCKER), layer({ compression: 'zstd' }))).toThrow(/can't be zstd/)
    expect(() => replaced(text('application/x'), layer())).toThrow(/application\/x can't be gzip/)
    const nested = text(OCI).replace('"size"', '"annotations":{},"size"')
    expect(() => replaced(nested, layer())).toThrow(/can't be replaced/)
  })
})
