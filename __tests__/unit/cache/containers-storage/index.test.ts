import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formatIndex, type Index, parseIndex } from '../../../../src/cache/containers-storage/index.js'
import { hex, keptLayer, keptPulled, keptStep, threeSteps } from '../fixtures.js'
import { runs } from '../../../harness/properties.js'

const index = threeSteps({
  mounts: hex('mounts'),
  pushed: [hex('push')],
  memory: [{ name: 'blob-info-cache-v1.sqlite', content: 'AAEC' }],
})
const written = () => JSON.parse(formatIndex(index)) as Record<string, unknown>

describe('an index', () => {
  it('is read as it was written', () => {
    expect(parseIndex(formatIndex(index))).toStrictEqual(index)
    expect(parseIndex(formatIndex(threeSteps()))).toStrictEqual(threeSteps())
  })

  it('is read as it was written, whatever is in it', () => {
    const id = fc.string({ minLength: 1 }).map(hex)
    const name = fc.string({ minLength: 1 })
    const many: fc.Arbitrary<Index> = fc.record({
      buildah: fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)).map((numbers) => numbers.join('.')),
      layout: fc.constantFrom('overlay-root', 'vfs-rootless', 'fuse-overlayfs-rootless'),
      parts: fc.array(fc.record({ sha256: id, bytes: fc.maxSafeNat() })),
      layers: fc.array(
        fc
          .tuple(name, name, name, fc.option(fc.record({ digest: id, read: fc.maxSafeNat() }), { nil: undefined }))
          .map(([one, parent, part, stamp]) => ({
            ...keptLayer(one, parent, part),
            ...(stamp !== undefined && { seal: hex(one), stamp }),
          })),
      ),
      images: fc.array(
        fc
          .tuple(name, name, fc.boolean(), fc.maxSafeNat(), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }))
          .map(([one, layer, isStep, used, seconds]) =>
            isStep
              ? keptStep(one, layer, { used, seconds: Math.abs(seconds) })
              : keptPulled(one, layer, ['docker.io/library/alpine:3.20'], { used, part: '' }),
          ),
      ),
      mounts: fc.option(id, { nil: undefined }),
      pushed: fc.array(id),
      memory: fc.array(
        fc.record({
          name: fc.constantFrom('blob-info-cache-v1.sqlite' as const, 'blob-info-cache-v1.boltdb' as const),
          content: fc.base64String(),
        }),
      ),
    })
    fc.assert(
      fc.property(many, (one) => {
        // Objects as the code makes them: fast-check also gives some that have no prototype.
        expect(parseIndex(formatIndex(one))).toStrictEqual(structuredClone(one))
      }),
      runs(40),
    )
  })

  it('has nothing in it that is not known here', () => {
    const [layer] = written()['layers'] as { record: object }[]
    const text = JSON.stringify({
      ...written(),
      root: '/etc',
      layers: [{ ...layer, link: '../../x', record: { ...layer?.record, link: '../../x' } }],
    })
    expect(JSON.stringify(parseIndex(text))).not.toMatch(/link|\/etc/)
  })

  it.each([
    ['nothing', ''],
    ['no JSON', '<html>503</html>'],
    ['half of it', formatIndex(index).slice(0, -20)],
    ['null', 'null'],
    ['a list', '[]'],
    ['a text', '"index"'],
    ['an empty object', '{}'],
    ['binary', '\0\u0001\ufffd'],
  ])('is refused where it is %s', (_, text) => {
    expect(() => parseIndex(text)).toThrow()
  })

  const [layer] = index.layers
  const [image] = index.images
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['another format', { format: 2 }, /format is 2 instead of 1/],
    ['a format that is a text', { format: '1' }, /format/],
    ['no format', { format: undefined }, /format is nothing/],
    ['another layout', { layout: 'btrfs-root' }, /layout "btrfs-root" is unknown/],
    ['a layout that every object has', { layout: 'toString' }, /layout/],
    ['no layout', { layout: undefined }, /layout nothing is unknown/],
    ['a version that is none', { buildah: '1.33' }, /version/],
    ['a version with more behind it', { buildah: '1.33.7\n' }, /version/],
    ['no version', { buildah: undefined }, /version/],
    ['no parts', { parts: undefined }, /list is missing/],
    ['an object for parts', { parts: { 0: {} } }, /list is missing/],
    ['a part that leads out', { parts: [{ sha256: '../..', bytes: 1 }] }, /"..\/.." is not an ID/],
    ['a part without a size', { parts: [{ sha256: hex('a') }] }, /not a number/],
    ['a part of less than nothing', { parts: [{ sha256: hex('a'), bytes: -1 }] }, /not a number/],
    ['a part that is null', { parts: [null] }, /null is not an object/],
    ['a layer without a record', { layers: [{ part: hex('a') }] }, /record/],
    ['a layer in a part that leads out', { layers: [{ ...layer, part: '../..' }] }, /not an ID/],
    ['a layer that leads out', { layers: [{ ...layer, record: { id: '../../x' } }] }, /record has id/],
    ['a layer on one that leads out', { layers: [{ ...layer, record: { id: hex('a'), parent: '..' } }] }, /parent/],
    ['an image that leads out', { images: [{ ...image, record: { id: '../../x' } }] }, /record has id/],
    ['an image of a step with a key that is none', { images: [{ ...image, key: 'x' }] }, /not an ID/],
    ['an image with a key that is null', { images: [{ ...image, key: null }] }, /not an ID/],
    ['an image used at no time', { images: [{ ...image, used: '1' }] }, /not a number/],
    ['an image that took less than no time', { images: [{ ...image, seconds: -1 }] }, /not a number/],
    [
      'a name with a line break',
      { images: [{ ...image, record: { ...image?.record, names: ['a\n::set-output name=x::y'] } }] },
      /record has names/,
    ],
    ['cache mounts that lead out', { mounts: '../../mounts' }, /not an ID/],
    ['cache mounts that are null', { mounts: null }, /not an ID/],
    ['a push that is none', { pushed: ['x'] }, /not an ID/],
    ['no pushes', { pushed: undefined }, /list is missing/],
    [
      'a memory that leads out',
      { memory: [{ name: '../../.ssh/authorized_keys', content: '' }] },
      /is not a valid blob info cache/,
    ],
    [
      'a memory that is no text',
      { memory: [{ name: 'blob-info-cache-v1.sqlite', content: [1] }] },
      /is not a valid blob info cache/,
    ],
  ])('is refused where it has %s', (_, change, message) => {
    expect(() => parseIndex(JSON.stringify({ ...written(), ...change }))).toThrow(message)
  })

  it('says on one short line what is wrong, however long that is', () => {
    const text = JSON.stringify({ ...written(), layout: `\n::error::${'x'.repeat(1e6)}` })
    expect(() => parseIndex(text)).toThrow(/^[^\n]{1,150}$/)
  })

  it('is refused where it nests as deeply as a stack can’t', () => {
    const deep = `${'['.repeat(1e5)}${']'.repeat(1e5)}`
    expect(() => parseIndex(`{"format": 1, "layout": ${deep}}`)).toThrow()
  })
})
