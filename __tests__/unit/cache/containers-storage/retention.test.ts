import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Image, Index, Layer } from '../../../../src/cache/containers-storage/index.js'
import type { RecordedStep } from '../../../../src/dockerfile/recorded-steps.js'
import {
  bytesOfLayers,
  selectRestorable,
  type Restorable,
  partsOf,
  incompatibleReason,
  withoutParts,
} from '../../../../src/cache/containers-storage/select.js'
import {
  bytesOfParts,
  chooseRetention,
  groupParts,
  type Limits,
  type Made,
  placeParts,
  withinLimits,
} from '../../../../src/cache/containers-storage/retention.js'
import {
  DAY,
  hex,
  imageOf,
  indexOf,
  keptLayer,
  keptPulled,
  keptStep,
  layerOf,
  namesOf,
  NOW,
  threeSteps,
} from '../fixtures.js'
import { runs } from '../../../harness/properties.js'

const keys = (...names: string[]) => new Map(names.map((name) => [hex(`k${name}`), undefined]))
const shown = ({ images, layers }: Restorable) => ({ images: namesOf(images), layers: namesOf(layers) })
const step = (name: string, changes: Partial<RecordedStep> = {}): RecordedStep => ({
  image: hex(`i:${name}`),
  key: hex(`k${name}`),
  content: undefined,
  hit: false,
  seconds: 5,
  ...changes,
})

describe('whyUseless', () => {
  it.each<[string, string, RegExp | undefined]>([
    ['overlay-root', '1.33.7', undefined],
    ['overlay-root', '1.33.8', undefined],
    ['overlay-root', '1.100.0', undefined],
    ['overlay-rootless', '1.33.7', /overlay-root, .*overlay-rootless/],
    ['fuse-overlayfs-root', '1.33.7', /fuse-overlayfs-root/],
    ['vfs-root', '1.33.7', /vfs-root/],
    ['overlay-root', '1.33.6', /1\.33\.7.* newer than 1\.33\.6/],
    // as numbers, not as texts
    ['overlay-root', '1.4.0', /newer than 1\.4\.0/],
  ])('an index of overlay-root by 1.33.7, on %s with %s', (layout, version, why) => {
    const answer = incompatibleReason(indexOf({}), layout as Index['layout'], version)
    if (why === undefined) expect(answer).toBeUndefined()
    else expect(answer).toMatch(why)
  })
})

describe('chooseOffer', () => {
  it('offers the steps that are asked for, what they stand on, and what was pulled', () => {
    expect(shown(selectRestorable([threeSteps()], keys('1', '2'), 'one'))).toStrictEqual({
      images: ['base', '1', '2'],
      layers: ['base', '1', '2'],
    })
  })

  it('offers what was pulled where no step is asked for, and nothing of an empty index', () => {
    expect(shown(selectRestorable([threeSteps()], keys(), 'one'))).toStrictEqual({ images: ['base'], layers: ['base'] })
    expect(shown(selectRestorable([indexOf({})], keys('1'), 'one'))).toStrictEqual({ images: [], layers: [] })
    expect(shown(selectRestorable([], keys('1'), 'all'))).toStrictEqual({ images: [], layers: [] })
  })

  const twice = indexOf({
    layers: [keptLayer('old'), keptLayer('new')],
    images: [
      keptStep('old', 'old', { key: hex('kx'), used: NOW - 2 * DAY }),
      keptStep('new', 'new', { key: hex('kx'), used: NOW - DAY }),
    ],
  })

  it('takes one image a key, the newest, where each has to be fetched', () => {
    expect(shown(selectRestorable([twice], keys('x'), 'one'))).toStrictEqual({ images: ['new'], layers: ['new'] })
    expect(namesOf(selectRestorable([twice], keys('x'), 'all').images).sort()).toStrictEqual(['new', 'old'])
  })

  it('takes the first index that has a key, though another has a newer image', () => {
    const own = indexOf({ layers: [keptLayer('own')], images: [keptStep('own', 'own', { key: hex('kx'), used: 5 })] })
    expect(namesOf(selectRestorable([own, twice], keys('x'), 'one').images)).toStrictEqual(['own'])
    expect(namesOf(selectRestorable([twice, own], keys('x'), 'one').images)).toStrictEqual(['new'])
    expect(namesOf(selectRestorable([own, twice], keys('x'), 'all').images).sort()).toStrictEqual(['new', 'old', 'own'])
  })

  it('completes one index by another: for steps that it lacks, and layers that its images stand on', () => {
    const own = indexOf({ layers: [], images: [keptStep('2', '2')] })
    const restorable = selectRestorable([own, threeSteps()], keys('1', '2', '3'), 'one')
    expect(shown(restorable)).toStrictEqual({ images: ['2', 'base', '1', '3'], layers: ['base', '1', '2', '3'] })
  })

  it('takes a name once, from the first index that has it', () => {
    const name = ['docker.io/library/alpine:3.20']
    const own = indexOf({ layers: [keptLayer('moved')], images: [keptPulled('moved', 'moved', name, { used: 1 })] })
    const restorable = selectRestorable([own, threeSteps()], keys('1'), 'all')
    expect(namesOf(restorable.images)).toStrictEqual(['moved', '1'])
  })

  it('takes an image from the part that the first index names', () => {
    const other = { ...threeSteps(), images: [keptStep('1', '1', { part: hex('elsewhere') })] }
    const partsOfStep = [
      [threeSteps(), other],
      [other, threeSteps()],
    ].map((list) => selectRestorable(list, keys('1'), 'all').images.find(({ key }) => key === hex('k1'))?.part)
    expect(partsOfStep).toStrictEqual([hex('p1'), hex('elsewhere')])
  })

  it('leaves out an image for which other files were copied, where both are known', () => {
    const of = (name: string, content: string | undefined, used: number) =>
      keptStep(name, name, { key: hex('kx'), content, used })
    const index = indexOf({
      layers: [keptLayer('old'), keptLayer('new'), keptLayer('unknown')],
      images: [of('old', hex('c1'), 1), of('new', hex('c2'), 3), of('unknown', undefined, 2)],
    })
    const offered = (content: string | undefined, perKey: 'one' | 'all') =>
      namesOf(selectRestorable([index], new Map([[hex('kx'), content]]), perKey).images)
    expect(offered(hex('c2'), 'one')).toStrictEqual(['new'])
    // What isn't known may be the same.
    expect(offered(hex('c1'), 'one')).toStrictEqual(['unknown'])
    expect(offered(hex('c1'), 'all')).toStrictEqual(['unknown', 'old'])
    expect(offered(undefined, 'one')).toStrictEqual(['new'])
  })

  it('takes what another branch has where its own copied other files', () => {
    const [own, other] = ['own', 'other'].map((name) =>
      indexOf({ layers: [keptLayer(name)], images: [keptStep(name, name, { key: hex('kx'), content: hex(name) })] }),
    ) as [Index, Index]
    expect(namesOf(selectRestorable([own, other], new Map([[hex('kx'), hex('other')]]), 'one').images)).toStrictEqual([
      'other',
    ])
  })

  it('takes an image once that two indexes have', () => {
    expect(namesOf(selectRestorable([threeSteps(), threeSteps()], keys('1'), 'all').images)).toStrictEqual([
      'base',
      '1',
    ])
  })

  it('leaves out what was pulled and has no name any more: nothing finds it', () => {
    const index = indexOf({
      layers: [keptLayer('a'), keptLayer('b')],
      images: [keptPulled('a', 'a', []), { ...keptStep('b', 'b'), key: undefined }],
    })
    expect(shown(selectRestorable([index], keys('a', 'b'), 'all'))).toStrictEqual({ images: [], layers: [] })
  })

  it('offers an image without layers', () => {
    const index = indexOf({ images: [keptStep('1', '1', { record: imageOf('empty', undefined) })] })
    expect(shown(selectRestorable([index], keys('1'), 'one'))).toStrictEqual({ images: ['empty'], layers: [] })
  })

  it.each<[string, Layer[]]>([
    ['is missing', [keptLayer('2', '1')]],
    ['stands on one that is missing', [keptLayer('1', 'gone'), keptLayer('2', '1')]],
    ['stands on itself', [keptLayer('1', '1'), keptLayer('2', '1')]],
    ['stands on one that stands on it', [keptLayer('1', '2'), keptLayer('2', '1')]],
  ])('leaves out an image whose layer %s, and takes an older one of the same step instead', (_, broken) => {
    const layers = [...broken, keptLayer('whole')]
    const images = [keptStep('2', '2', { key: hex('kx') }), keptStep('whole', 'whole', { key: hex('kx'), used: 1 })]
    const restorable = selectRestorable([indexOf({ layers, images })], keys('x'), 'one')
    expect(shown(restorable)).toStrictEqual({ images: ['whole'], layers: ['whole'] })
  })
})

describe('withoutParts', () => {
  const restorable = selectRestorable([threeSteps()], keys('1', '2', '3'), 'one')

  it.each<[lost: string[], images: string[], layers: string[]]>([
    [[], ['base', '1', '2', '3'], ['base', '1', '2', '3']],
    [['p3'], ['base', '1', '2'], ['base', '1', '2']],
    [['p2'], ['base', '1'], ['base', '1']],
    [['pbase'], [], []],
    [['p1', 'p3'], ['base'], ['base']],
    [['other'], ['base', '1', '2', '3'], ['base', '1', '2', '3']],
  ])('without %j', (lost, images, layers) => {
    expect(shown(withoutParts(restorable, new Set(lost.map(hex))))).toStrictEqual({ images, layers })
  })

  it('loses a layer with the last image on it, though its own part is there', () => {
    const index = indexOf({ layers: [keptLayer('1')], images: [keptStep('1', '1', { part: hex('images') })] })
    const lost = withoutParts(selectRestorable([index], keys('1'), 'one'), new Set([hex('images')]))
    expect(shown(lost)).toStrictEqual({ images: [], layers: [] })
  })
})

describe('chooseRetention', () => {
  const alpine = ['docker.io/library/alpine:3.20']
  const ours = ['docker.io/acme/web:1']
  const layers = [layerOf('base'), layerOf('1', 'base'), layerOf('2', '1')]
  const base = imageOf('base', 'base', alpine)
  const images = [base, imageOf('1', '1'), imageOf('2', '2', ours)]
  const places = ({ images, layers }: Restorable) =>
    Object.fromEntries(
      [...namesOf(images), ...namesOf(layers)].map((name, at) => [name, [...images, ...layers][at]?.part]),
    )

  it('a first run: steps, base image, and nothing in a part yet', () => {
    const keeping = chooseRetention({ layers, images }, { steps: [step('1'), step('2')], ours }, [], NOW)
    expect(shown(keeping)).toStrictEqual({ images: ['base', '1', '2'], layers: ['base', '1', '2'] })
    expect(new Set([...keeping.images, ...keeping.layers].map(({ part }) => part))).toStrictEqual(new Set(['']))
    const [pulled, first] = keeping.images
    const kept = { part: '', content: undefined, used: NOW }
    expect(pulled).toStrictEqual({ ...kept, record: base, key: undefined, seconds: 0 })
    expect(first).toStrictEqual({ ...kept, record: imageOf('1', '1'), key: hex('k1'), seconds: 5 })
  })

  it('leaves out the names of the image that was built, and an image that only has such names', () => {
    const orphaned = imageOf('stray', '1', ours)
    const keeping = chooseRetention(
      { layers, images: [...images, orphaned] },
      { steps: [step('1'), step('2')], ours },
      [],
      NOW,
    )
    expect(namesOf(keeping.images)).toStrictEqual(['base', '1', '2'])
    expect(keeping.images.map(({ record }) => record.names)).toStrictEqual([alpine, undefined, undefined])
  })

  it('knows an image by the first characters of its id', () => {
    const short = step('1', { image: hex('i:1').slice(0, 11) })
    const keeping = chooseRetention({ layers, images }, { steps: [short], ours }, [], NOW)
    expect(namesOf(keeping.images)).toStrictEqual(['base', '1'])
  })

  it('takes the last step of several that gave the same image', () => {
    const steps = [step('1'), step('1', { key: hex('later'), seconds: 7 })]
    const [, kept] = chooseRetention({ layers, images }, { steps, ours }, [], NOW).images
    expect(kept).toMatchObject({ key: hex('later'), seconds: 7 })
  })

  it('keeps what a failed build has finished, and nothing that no step gave', () => {
    const keeping = chooseRetention({ layers, images: images.slice(0, 2) }, { steps: [step('1')], ours }, [], NOW)
    expect(shown(keeping)).toStrictEqual({ images: ['base', '1'], layers: ['base', '1'] })
  })

  it('keeps nothing of a step whose layers are not all there', () => {
    const whole = layers.filter(({ id }) => id !== hex('1'))
    expect(
      shown(chooseRetention({ layers: whole, images }, { steps: [step('1'), step('2')], ours }, [], NOW)),
    ).toStrictEqual({
      images: ['base'],
      layers: ['base'],
    })
  })

  it('a run that hit everything: the parts, the seconds of before, and the time of now', () => {
    const before = threeSteps()
    const hits = ['1', '2'].map((name) => step(name, { hit: true, seconds: 0.01 }))
    const keeping = chooseRetention({ layers, images }, { steps: hits, ours }, [before], NOW)
    expect(places(keeping)).toMatchObject({ base: hex('pbase'), 1: hex('p1'), 2: hex('p2') })
    expect(keeping.images.filter(({ key }) => hits.some((hit) => hit.key === key))).toMatchObject([
      { used: NOW, seconds: 2 },
      { used: NOW, seconds: 2 },
    ])
  })

  it('keeps what of its own branch this run didn’t use, as old as it is', () => {
    const keeping = chooseRetention(
      { layers, images },
      { steps: [step('1', { hit: true })], ours },
      [threeSteps()],
      NOW,
    )
    expect(keeping.images.filter(({ used }) => used !== NOW).map(({ record }) => namesOf([record])[0])).toStrictEqual([
      '2',
      '3',
    ])
    expect(namesOf(keeping.layers)).toStrictEqual(['base', '1', '2', '3'])
  })

  it('takes hits over from another branch, parts included, and leaves there what it didn’t use', () => {
    const own = indexOf({ layers: [], images: [] })
    const hits = [step('1', { hit: true, seconds: 0 }), step('new')]
    const contents = {
      layers: [...layers, layerOf('new', '1')],
      images: [...images.slice(0, 2), imageOf('new', 'new')],
    }
    const keeping = chooseRetention(contents, { steps: hits, ours }, [own, threeSteps()], NOW)
    expect(shown(keeping)).toStrictEqual({ images: ['base', '1', 'new'], layers: ['base', '1', 'new'] })
    expect(keeping.images.map(({ part, seconds }) => [part, seconds])).toStrictEqual([
      [hex('pbase'), 0],
      [hex('p1'), 2],
      ['', 5],
    ])
  })

  it('pulled images: used where a step stands on them, else as old as before', () => {
    const tool = imageOf('tool', 'tool', ['docker.io/library/golang:1.22'])
    const before = indexOf({
      layers: [keptLayer('base'), keptLayer('tool')],
      images: [keptPulled('base', 'base', alpine), keptPulled('tool', 'tool', tool.names ?? [])],
    })
    const contents = { layers: [...layers, layerOf('tool')], images: [...images, tool] }
    const keeping = chooseRetention(contents, { steps: [step('1')], ours }, [before], NOW)
    expect(keeping.images.map(({ record, used }) => [...namesOf([record]), used])).toStrictEqual([
      ['base', NOW],
      ['tool', NOW - DAY],
      ['1', NOW],
    ])
  })

  it('a base tag that has moved: the old image has no name left and is forgotten, with steps on it kept', () => {
    const moved = [imageOf('base', 'base', []), imageOf('base2', 'base2', alpine), imageOf('1b', '1b')]
    const contents = {
      layers: [...layers, layerOf('base2'), layerOf('1b', 'base2')],
      images: [...moved, imageOf('1', '1')],
    }
    const keeping = chooseRetention(contents, { steps: [step('1b')], ours }, [threeSteps()], NOW)
    // What stood on the old one is of use again when the tag moves back.
    expect(namesOf(keeping.images)).toStrictEqual(['base2', '1b', '1', '2', '3'])
    expect(namesOf(keeping.layers)).toEqual(expect.arrayContaining(['base', 'base2']))
  })

  it('doesn’t take a step of before for something that was pulled, whatever its name', () => {
    const named = imageOf('1', '1', ['docker.io/other/name:1'])
    const keeping = chooseRetention({ layers, images: [base, named] }, { steps: [], ours }, [threeSteps()], NOW)
    expect(keeping.images.find(({ record }) => record.id === named.id)?.key).toBe(hex('k1'))
  })
})

describe('groupParts', () => {
  const MIB = 2 ** 20
  const keepingOf = (sizes: readonly number[], images = 1): Restorable => ({
    layers: sizes.map((size, at) => keptLayer(`l${at}`, at === 0 ? undefined : `l${at - 1}`, '', size)),
    images: Array.from({ length: images }, (_, at) => keptStep(`${at}`, 'l0', { part: '' })),
  })
  const sizesOf = (sizes: readonly number[], images?: number) =>
    groupParts(keepingOf(sizes, images)).map((group) => group.layers.map((record) => record['diff-size']))

  it('puts a large layer alone, the small ones and the images together', () => {
    const groups = groupParts(keepingOf([5 * MIB, 10, 4 * MIB, 4 * MIB - 1], 2))
    expect(groups.map(({ layers, images }) => [namesOf(layers), namesOf(images)])).toStrictEqual([
      [['l0'], []],
      [['l2'], []],
      [
        ['l1', 'l3'],
        ['0', '1'],
      ],
    ])
  })

  it('makes at most eight parts: the largest alone', () => {
    const sizes = Array.from({ length: 12 }, (_, at) => (5 + at) * MIB)
    const groups = sizesOf(sizes)
    expect(groups).toHaveLength(8)
    expect(groups.slice(0, 7).flat()).toStrictEqual(sizes.slice(-7).toReversed())
    expect(groups[7]).toStrictEqual(sizes.slice(0, 5))
  })

  it('makes no part for nothing', () => {
    expect(groupParts({ layers: [], images: [] })).toStrictEqual([])
    expect(groupParts({ layers: [keptLayer('1')], images: [keptStep('1', '1')] })).toStrictEqual([])
    expect(sizesOf([9 * MIB], 0)).toStrictEqual([[9 * MIB]])
    expect(sizesOf([], 1)).toStrictEqual([[]])
  })

  it('takes a layer of unknown size for a small one', () => {
    const record = { id: hex('1') }
    expect(groupParts({ layers: [{ record, part: '' }], images: [] })).toHaveLength(1)
  })

  it('leaves nothing out and puts nothing twice, in at most eight parts', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 12 * MIB }), { maxLength: 30 })
    fc.assert(
      fc.property(sizes, fc.nat(3), (list, images) => {
        const keeping = keepingOf(list, images)
        const groups = groupParts(keeping)
        expect(groups.length).toBeLessThanOrEqual(8)
        const found = groups.flatMap(({ layers, images }) => [...layers, ...images].map(({ id }) => id))
        const wanted = [...keeping.layers, ...keeping.images].map(({ record }) => record.id)
        expect(found.sort()).toStrictEqual(wanted.sort())
      }),
      runs(50),
    )
  })
})

describe('placeParts', () => {
  const keeping: Restorable = {
    layers: [keptLayer('base'), keptLayer('1', 'base', ''), keptLayer('2', '1', '')],
    images: [keptStep('base', 'base'), keptStep('1', '1', { part: '' }), keptStep('2', '2', { part: '' })],
  }
  const made = (layers: string[], images: string[], part: string): Made => ({
    group: { layers: layers.map((name) => layerOf(name)), images: images.map((name) => imageOf(name, undefined)) },
    part: { sha256: hex(part), bytes: 1 },
  })

  it('puts each into the part that was made of it', () => {
    const placed = placeParts(keeping, [made(['1'], [], 'big'), made(['2'], ['1', '2'], 'rest')])
    expect(placed.layers.map(({ part }) => part)).toStrictEqual([hex('pbase'), hex('big'), hex('rest')])
    expect(placed.images.map(({ part }) => part)).toStrictEqual([hex('pbase'), hex('rest'), hex('rest')])
  })

  it.each<[string, Made[], string[]]>([
    ['nothing', [], ['base']],
    ['the images alone', [made([], ['1', '2'], 'x')], ['base']],
    ['the upper layer and the images', [made(['2'], ['1', '2'], 'x')], ['base']],
    ['the lower layer and the images', [made(['1'], ['1', '2'], 'x')], ['base', '1']],
    ['the layers alone', [made(['1', '2'], [], 'x')], ['base']],
  ])('leaves out what no part holds where %s was made', (_, parts, left) => {
    expect(namesOf(placeParts(keeping, parts).images)).toStrictEqual(left)
  })
})

describe('withinLimits', () => {
  const limits: Limits = { now: NOW, ttlMs: 7 * DAY, maxBytes: 1e9, perKey: 1 }
  const sizes = (kept: Restorable) => bytesOfLayers(kept)
  const keeping = ({ layers, images }: Index): Restorable => ({ layers, images })
  const aged = (name: string, days: number, changes: Partial<Image> = {}) =>
    keptStep(name, name, { used: NOW - days * DAY, ...changes })

  it('drops what wasn’t used for longer than the time to live, to the millisecond', () => {
    const images = [aged('1', 7), keptStep('2', '2', { used: NOW - 7 * DAY - 1 })]
    const kept = withinLimits({ layers: [keptLayer('1'), keptLayer('2')], images }, sizes, limits)
    expect(shown(kept)).toStrictEqual({ images: ['1'], layers: ['1'] })
  })

  it('drops the least recently used until the rest fits, with layers that nothing else stands on', () => {
    const layers = [keptLayer('base'), keptLayer('1', 'base'), keptLayer('2', 'base'), keptLayer('3', 'base')]
    const images = [aged('1', 1), aged('2', 3), aged('3', 2)]
    const at = (maxBytes: number) => shown(withinLimits({ layers, images }, sizes, { ...limits, maxBytes }))
    expect(at(4000).images).toStrictEqual(['1', '3', '2'])
    expect(at(3999)).toStrictEqual({ images: ['1', '3'], layers: ['base', '1', '3'] })
    expect(at(2000)).toStrictEqual({ images: ['1'], layers: ['base', '1'] })
    expect(at(1999)).toStrictEqual({ images: [], layers: [] })
    expect(at(0)).toStrictEqual({ images: [], layers: [] })
  })

  it('drops later steps of a run before earlier ones, which they stand on', () => {
    const kept = withinLimits(keeping(threeSteps()), sizes, { ...limits, maxBytes: 3000 })
    expect(namesOf(kept.images)).toStrictEqual(['base', '1', '2'])
  })

  it('counts a part once that several indexes name', () => {
    const one = threeSteps()
    expect(bytesOfParts(one, one.parts)).toBe(400)
    expect(bytesOfParts(one, [...one.parts, ...one.parts])).toBe(400)
    expect(bytesOfParts({ layers: [], images: [] }, one.parts)).toBe(0)
  })

  it.each([
    [1, ['a', 'other']],
    [2, ['a', 'b', 'other']],
    [3, ['a', 'b', 'c', 'other']],
  ])('keeps %i images of one step, the newest', (perKey, expected) => {
    const key = hex('kx')
    const images = [aged('c', 3, { key }), aged('other', 6), aged('a', 1, { key }), aged('b', 2, { key })]
    const layers = ['a', 'b', 'c', 'other'].map((name) => keptLayer(name))
    const kept = withinLimits({ layers, images }, sizes, { ...limits, perKey })
    expect(namesOf(kept.images)).toStrictEqual(expected)
  })

  it('keeps all that was pulled, though none of it has a key', () => {
    const images = ['a', 'b'].map((name) => keptPulled(name, name, [name]))
    const kept = withinLimits({ layers: ['a', 'b'].map((name) => keptLayer(name)), images }, sizes, limits)
    expect(namesOf(kept.images)).toStrictEqual(['a', 'b'])
  })

  it('is quick with a directory of a year', () => {
    // Twenty branches of eighty steps, most of which have to go.
    const layers: Layer[] = []
    const images: Image[] = []
    for (let branch = 0; branch < 20; branch++) {
      for (let at = 0; at < 80; at++) {
        const name = `${branch}-${at}`
        layers.push(keptLayer(name, at === 0 ? undefined : `${branch}-${at - 1}`))
        images.push(aged(name, branch / 4))
      }
    }
    const started = process.cpuUsage()
    const kept = withinLimits({ layers, images }, sizes, { ...limits, maxBytes: 100_000 })
    expect(kept.images).toHaveLength(100)
    // Its own time: a busy machine has less of it to give, not more to do.
    expect(process.cpuUsage(started).user).toBeLessThan(2_000_000)
  })
})

describe('any index', () => {
  const name = fc.nat(9).map(String)
  const layer = fc.tuple(name, fc.option(name, { nil: undefined }), fc.nat(4))
  const image = fc.tuple(name, name, fc.nat(4), fc.nat(20), fc.boolean())
  const index = fc.record({ layers: fc.array(layer), images: fc.array(image) }).map(({ layers, images }) =>
    indexOf({
      layers: layers.map(([id, parent, part]) => keptLayer(id, parent, `part${part}`)),
      images: images.map(([id, on, part, days, isPulled]) => ({
        record: imageOf(id, on, isPulled ? [`docker.io/library/n${id}:1`] : undefined),
        part: hex(`part${part}`),
        key: isPulled ? undefined : hex(`k${Number(id) % 4}`),
        content: undefined,
        used: NOW - days * DAY,
        seconds: 1,
      })),
    }),
  )
  const indexes = fc.array(index, { maxLength: 3 })
  const wanted = fc.uniqueArray(fc.nat(4)).map((list) => new Map(list.map((one) => [hex(`k${one}`), undefined])))
  const kind = fc.constantFrom('one' as const, 'all' as const)

  /** What stands on nothing but what is there, and comes after it. */
  function expectClosed({ images, layers }: Restorable) {
    const seen = new Set<string>()
    for (const { record } of layers) {
      expect(record.parent === undefined || seen.has(record.parent)).toBe(true)
      expect(seen.has(record.id)).toBe(false)
      seen.add(record.id)
    }
    for (const { record } of images) expect(record.layer === undefined || seen.has(record.layer)).toBe(true)
  }

  it('gives an offer that is closed, has no image twice, and only what was asked for', () => {
    fc.assert(
      fc.property(indexes, wanted, kind, (list, asked, perKey) => {
        const restorable = selectRestorable(list, asked, perKey)
        expectClosed(restorable)
        const ids = restorable.images.map(({ record }) => record.id)
        expect(new Set(ids).size).toBe(ids.length)
        for (const { key } of restorable.images) expect(key === undefined || asked.has(key)).toBe(true)
        const used = restorable.images.flatMap(({ key }) => key ?? [])
        if (perKey === 'one') expect(new Set(used).size).toBe(used.length)
      }),
      runs(50),
    )
  })

  it('leaves nothing of a lost part, nor what stands on it, and keeps the rest', () => {
    fc.assert(
      fc.property(indexes, wanted, fc.uniqueArray(fc.nat(4)), (list, asked, parts) => {
        const restorable = selectRestorable(list, asked, 'all')
        const lost = new Set(parts.map((part) => hex(`part${part}`)))
        const left = withoutParts(restorable, lost)
        expectClosed(left)
        for (const part of partsOf(left)) expect(lost.has(part)).toBe(false)
        if (![...partsOf(restorable)].some((part) => lost.has(part))) expect(left).toStrictEqual(restorable)
        expect(withoutParts(left, lost)).toStrictEqual(left)
      }),
      runs(50),
    )
  })

  it('keeps within its limits what is closed', () => {
    fc.assert(
      fc.property(index, fc.nat(8000), fc.integer({ min: 1, max: 3 }), (one, maxBytes, perKey) => {
        const restorable = selectRestorable([one], keys('0', '1', '2', '3'), 'all')
        const kept = withinLimits(restorable, bytesOfLayers, { now: NOW, ttlMs: 9 * DAY, maxBytes, perKey })
        expectClosed(kept)
        expect(bytesOfLayers(kept)).toBeLessThanOrEqual(maxBytes)
        for (const { used } of kept.images) expect(used).toBeGreaterThanOrEqual(NOW - 9 * DAY)
      }),
      runs(50),
    )
  })

  it('is offered again as it was kept', () => {
    const chain = fc.integer({ min: 1, max: 12 })
    fc.assert(
      fc.property(chain, fc.nat(12), (length, hits) => {
        const at = (number: number) => `s${number}`
        const layers = Array.from({ length }, (_, number) =>
          layerOf(at(number), number === 0 ? undefined : at(number - 1)),
        )
        const images = layers.map((_, number) => imageOf(at(number), at(number)))
        const steps = images.map((_, number) => step(at(number), { hit: number < hits }))
        const keeping = chooseRetention({ layers, images }, { steps, ours: [] }, [], NOW)
        const groups = groupParts(keeping)
        const made = groups.map((group, number) => ({ group, part: { sha256: hex(`made${number}`), bytes: 10 } }))
        const placed = placeParts(keeping, made)
        const next = indexOf({ ...placed, parts: made.map(({ part }) => part) })
        const restorable = selectRestorable([next], new Map(steps.map(({ key }) => [key, undefined])), 'one')
        expect(restorable.images.map(({ record }) => record)).toStrictEqual(images)
        expect(restorable.layers.map(({ record }) => record)).toStrictEqual(layers)
        // And a run that used all of it has nothing new.
        const again = chooseRetention(
          { layers, images },
          { steps: steps.map((one) => ({ ...one, hit: true })), ours: [] },
          [next],
          NOW,
        )
        expect(groupParts(again)).toStrictEqual([])
        expect(partsOf(again)).toStrictEqual(new Set(made.map(({ part }) => part.sha256)))
      }),
      runs(50),
    )
  })
})
