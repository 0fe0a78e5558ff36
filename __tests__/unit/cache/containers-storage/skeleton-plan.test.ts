import { describe, expect, it } from '@jest/globals'
import type { BlobInfoCache } from '../../../../src/cache/containers-storage/blob-info-cache.js'
import type { Image, Index, Layer } from '../../../../src/cache/containers-storage/index.js'
import { planSkeletons } from '../../../../src/cache/containers-storage/skeleton-plan.js'
import { selectRestorable } from '../../../../src/cache/containers-storage/select.js'
import type { BaseDigest } from '../../../../src/cache/skeletons.js'
import type { StageReading, StepReading } from '../../../../src/dockerfile/reading.js'
import { DAY, hex, indexOf, keptLayer, keptPulled, keptStep, namesOf, NOW } from '../fixtures.js'

const DEBIAN = 'docker.io/library/debian:12'
const MANIFEST = `sha256:${hex('manifest')}`
const bases: ReadonlyMap<string, BaseDigest> = new Map([['debian:12', { name: DEBIAN, digest: MANIFEST }]])

/** A large layer with a part and a bundle, both of its name. */
function large(name: string, parent?: string): Layer {
  const layer = keptLayer(name, parent)
  return { ...layer, record: { ...layer.record, 'diff-digest': `sha256:${hex(`d${name}`)}` }, skeleton: hex('bundle') }
}

/** A step whose files of the context are known, and lie in a part of their own. */
function known(name: string, layer: string, changes: Partial<Image> = {}): Image {
  return keptStep(name, layer, { part: hex('files'), content: hex(`c${name}`), ...changes })
}

function pulled(changes: Partial<Image['record']> = {}): Image {
  const image = keptPulled('base', 'base', [DEBIAN], { part: hex('files') })
  return { ...image, record: { ...image.record, digest: MANIFEST, ...changes } }
}

const step = (name: string, keyword = 'COPY', changes: Partial<StepReading> = {}): StepReading => ({
  key: hex(`k${name}`),
  content: hex(`c${name}`),
  readsBelow: keyword === 'RUN' || keyword === 'ADD',
  sources: [],
  ...changes,
})
/** A step that was there, on other files than now. */
const changed = (name: string, keyword = 'COPY') => step(name, keyword, { content: hex('new') })

const stage = (steps: readonly StepReading[], changes: Partial<StageReading> = {}): StageReading => ({
  base: { image: 'debian:12' },
  steps,
  isRead: false,
  ...changes,
})

/** As the blob info cache has a blob of each layer. */
function memoryOf(names: readonly string[]): BlobInfoCache[] {
  const rows = names.map((name) => `sha256:${hex(`b${name}`)}sha256:${hex(`d${name}`)}`).join('\0')
  return [{ name: 'blob-info-cache-v1.sqlite', content: Buffer.from(rows).toString('base64') }]
}

interface World {
  readonly index?: Partial<Index>
  readonly stages?: readonly StageReading[]
  readonly images?: readonly string[]
  readonly bases?: ReadonlyMap<string, BaseDigest>
  /** When the parts were last fetched. */
  readonly fetched?: number | undefined
  readonly bytes?: number
}

/** FROM debian, RUN (1), COPY (2): each with a large layer but the last. */
function plan(world: World = {}) {
  const { stages = [stage([step('1', 'RUN'), changed('2')])], images = [], bytes = 5e6 } = world
  const made = indexOf({
    layers: [large('base'), large('1', 'base'), keptLayer('2', '1', 'files')],
    images: [pulled(), known('1', '1'), known('2', '2')],
    memory: memoryOf(['base', '1']),
    ...world.index,
  })
  const fetched = 'fetched' in world ? world.fetched : NOW - 1.9 * DAY
  const whole = [...new Set(made.layers.map(({ part }) => part))].map((sha256) => ({
    ...{ sha256, bytes },
    ...(fetched !== undefined && { fetched }),
  }))
  const index = { ...made, parts: [...whole, { sha256: hex('bundle'), bytes: 1e5 }] }
  const keys = new Map(
    stages.flatMap(({ steps }) => steps.flatMap(({ key, content }) => (key ? [[key, content] as const] : []))),
  )
  const restorable = selectRestorable([index], keys, 'one')
  const reading = { stages, images: new Set(images) }
  return planSkeletons(restorable, [index], { reading, bases: world.bases ?? bases }, NOW)
}

function layersOf(world: World): string[] | string {
  const made = plan(world)
  if ('why' in made) return made.why
  const ids = [...made.layers].map((id) => ({ id }))
  return namesOf(ids)
}

const build = stage([step('1', 'RUN')])
const other = (names: readonly string[]) =>
  new Map([...bases, ...names.map((name) => [name, { name, digest: MANIFEST }] as const)])

describe('layers come back as skeletons', () => {
  it('that lie below a changed COPY, with the blobs that a push needs of them', () => {
    expect(plan()).toStrictEqual({
      layers: new Set([hex('base'), hex('1')]),
      stages: new Set([0]),
      blobs: [[`sha256:${hex('bbase')}`], [`sha256:${hex('b1')}`]],
      savedBytes: 2 * 5e6 - 1e5,
    })
  })

  it.each<[what: string, world: World, layers: readonly string[]]>([
    ['where nothing has changed', { stages: [stage([step('1', 'RUN'), step('2')])] }, ['base', '1']],
    ['where the first step has, and no RUN is there', { stages: [stage([changed('1')])] }, ['base']],
    [
      'where the image came with an index of platforms',
      {
        index: {
          images: [
            pulled({ digest: `sha256:${hex('own')}`, 'big-data-names': [`manifest-${MANIFEST}`] }),
            known('1', '1'),
            known('2', '2'),
          ],
        },
      },
      ['base', '1'],
    ],
    [
      'also in the stage below',
      { stages: [stage([step('1', 'RUN')]), stage([changed('2')], { base: { stage: 0 } })] },
      ['base', '1'],
    ],
    [
      'also where an ENV has no layer of its own',
      {
        stages: [stage([step('1', 'RUN'), step('env', 'ENV'), changed('2')])],
        index: { images: [pulled(), known('1', '1'), known('env', '1'), known('2', '2')] },
      },
      ['base', '1'],
    ],
    [
      'but for those that are fetched with others',
      {
        index: { layers: [large('base'), { ...large('1', 'base'), part: hex('files') }, keptLayer('2', '1', 'files')] },
      },
      ['base'],
    ],
    [
      'but for those without a skeleton',
      { index: { layers: [large('base'), keptLayer('1', 'base'), keptLayer('2', '1', 'files')] } },
      ['base'],
    ],
  ])('%s', (_, world, layers) => {
    expect(layersOf(world)).toStrictEqual(layers)
  })
})

describe('every layer comes back whole', () => {
  it.each<[what: string, world: World, why: string]>([
    ['a RUN follows the change', { stages: [stage([changed('1'), step('2', 'RUN')])] }, 'too little would be saved'],
    ['an ADD does', { stages: [stage([step('1', 'RUN'), changed('2', 'ADD')])] }, 'too little would be saved'],
    [
      'it is not known what was copied before a RUN',
      { stages: [stage([step('1', 'RUN', { content: undefined })])] },
      'too little would be saved',
    ],
    [
      'a step has no key',
      { stages: [stage([step('1', 'RUN', { key: undefined }), changed('2')])] },
      'too little would be saved',
    ],
    [
      "a stage that isn't all hits gives files to a step before a RUN",
      {
        stages: [
          stage([changed('2')], { isRead: true }),
          stage([step('1', 'COPY', { sources: [0] }), step('3', 'RUN')]),
        ],
        index: {
          layers: [large('base'), large('1', 'base'), large('3', '1')],
          images: [pulled(), known('1', '1'), known('3', '3')],
          memory: memoryOf(['base', '1', '3']),
        },
      },
      'too little would be saved',
    ],
    [
      'files are taken from the stage',
      { stages: [stage([step('1', 'RUN')], { isRead: true }), stage([changed('2')], { base: { stage: 0 } })] },
      'too little would be saved',
    ],
    [
      'another stage that is read has the same layers',
      { stages: [{ ...build, isRead: true }, stage([step('1', 'RUN'), changed('2')])] },
      'too little would be saved',
    ],
    [
      'COPY --from names the same image',
      { images: ['debian:12'], stages: [stage([changed('1')])] },
      'too little would be saved',
    ],
    [
      'the base has moved',
      { bases: new Map([['debian:12', { name: DEBIAN, digest: 'sha256:new' }]]) },
      'debian:12 is new, or has changed',
    ],
    ['the base is unknown', { bases: new Map() }, 'debian:12 is new, or has changed'],
    [
      'COPY --from names an image that is not there',
      { images: ['tools:1'], bases: other(['tools:1']) },
      'tools:1 is new, or has changed',
    ],
    [
      'no step of the stage was recorded, since the base may add some',
      { stages: [stage([changed('never')])] },
      'too little would be saved',
    ],
    ['it is little', { bytes: 1e6 }, 'too little would be saved'],
    [
      'their parts may be dropped soon',
      { fetched: NOW - 2.1 * DAY },
      'some of the layers have not been fetched for two days',
    ],
    [
      'nobody knows when they were fetched',
      { fetched: undefined },
      'some of the layers have not been fetched for two days',
    ],
    ['Buildah knows no blob of one', { index: { memory: memoryOf(['base']) } }, 'a layer has never been pushed'],
    [
      'an earlier step stands on another layer than the one below',
      { index: { images: [pulled(), known('1', '2'), known('2', '2')] }, stages: [stage([step('1', 'RUN')])] },
      'too little would be saved',
    ],
  ])('where %s', (_, world, why) => {
    expect(layersOf(world)).toBe(why)
  })
})
