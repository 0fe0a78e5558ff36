import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { type Index, parseIndex } from '../../../../src/cache/containers-storage/index.js'
import { partKey, partPath } from '../../../../src/cache/key.js'
import { readContents } from '../../../../src/cache/containers-storage/layout.js'
import { mountsFolder, packMounts, unpackMounts } from '../../../../src/cache/containers-storage/cache-mounts.js'
import { selectRestorable, type Restorable } from '../../../../src/cache/containers-storage/select.js'
import { fetchForBuild, restore } from '../../../../src/cache/containers-storage/restore.js'
import { digestFile } from '../../../../src/lib/hash.js'
import { temporaryFolder } from '../../helpers.js'
import {
  bigLayerOf,
  forge,
  type ForgedEntry,
  grow,
  hex,
  imageOf,
  jobOf,
  layerOf,
  listing,
  MemoryEntries,
  namesOf,
  NOW,
  placeOf,
  saveFrom,
  storeOf,
  writeMount,
} from '../fixtures.js'

const keys = new Map(['1', '2', '3'].map((name) => [hex(`k${name}`), undefined]))

let entries: MemoryEntries
let left: MemoryEntries
let first: string
let index: Index

/** What a run has left whose layers are all parts of their own. */
beforeAll(async () => {
  left = new MemoryEntries()
  const place = await placeOf(left)
  first = join(place.store.folder, 'root')
  const layers = [bigLayerOf('base'), bigLayerOf('1', 'base'), bigLayerOf('2', '1'), bigLayerOf('3', '2')]
  const images = [imageOf('base', 'base', ['alpine:3.20']), ...['1', '2', '3'].map((name) => imageOf(name, name))]
  grow(first, layers, images)
  const steps = ['1', '2', '3'].map((name) => ({
    image: hex(`i:${name}`),
    key: hex(`k${name}`),
    content: undefined,
    hit: false,
    seconds: 1,
  }))
  const job = jobOf({ storage: place.store, root: first, run: { steps }, scope: 's', ref: 'r', unique: 'u' })
  const { failures } = await saveFrom(job, place)
  expect(failures).toStrictEqual([])
  const key = [...left.stored.keys()].find((name) => name.includes('-i-')) ?? ''
  index = parseIndex(left.stored.get(key)?.content.toString() ?? '')
})

/** And a machine that has nothing yet. */
beforeEach(() => {
  entries = new MemoryEntries()
  for (const [key, entry] of left.stored) entries.stored.set(key, entry)
})

const partOf = (name: string) => index.layers.find(({ record }) => record.id === hex(name))?.part ?? ''
const imagesPart = () => index.images[0]?.part ?? ''

async function comeBack(restorable: Restorable = selectRestorable([index], keys, 'one'), parts = index.parts) {
  const place = await placeOf(entries)
  const root = join(place.store.folder, 'root')
  const restored = await restore(restorable, parts, root, place)
  return { ...restored, place, root, contents: await readContents(root, 'overlay-root') }
}

describe('restore', () => {
  it('brings everything back, in another folder of another machine', async () => {
    const { restorable, parts, bytes, failures, root, contents } = await comeBack()
    expect(failures).toStrictEqual([])
    expect(parts).toBe(5)
    expect(bytes).toBe(index.parts.reduce((sum, part) => sum + part.bytes, 0))
    expect(namesOf(restorable.images)).toStrictEqual(namesOf(index.images))
    const before = await readContents(first, 'overlay-root')
    expect(namesOf(contents.layers)).toStrictEqual(namesOf(before.layers))
    expect(namesOf(contents.images)).toStrictEqual(namesOf(before.images))
    const files = (folder: string) =>
      listing(join(folder, 'overlay')).filter((line) => /^\(b'[0-9a-f]{64}\/diff/.test(line))
    expect(files(first).length).toBeGreaterThan(8)
    expect(files(root)).toStrictEqual(files(first))
    for (const { id } of before.images) {
      expect(readFileSync(join(root, 'overlay-images', id, 'manifest'), 'utf8')).toBe(`manifest of ${id}`)
    }
  })

  it('fetches only the parts that are needed', async () => {
    const { parts, root } = await comeBack(selectRestorable([index], new Map([[hex('k1'), undefined]]), 'one'))
    expect(parts).toBe(3)
    expect(existsSync(join(root, 'overlay', hex('2')))).toBe(false)
  })

  it('fetches a part once that two indexes name', async () => {
    const { failures, parts } = await comeBack(selectRestorable([index, index], keys, 'one'), [
      ...index.parts,
      ...index.parts,
    ])
    expect(failures).toStrictEqual([])
    expect(parts).toBe(5)
    expect(new Set(entries.fetches).size).toBe(entries.fetches.length)
  })

  it('leaves nothing on the desk, and no archive in the folder of the build', async () => {
    const { place } = await comeBack()
    expect(readdirSync(place.stagingDir)).toStrictEqual([])
    expect(readdirSync(join(place.store.folder, 'parts'))).toStrictEqual([])
  })

  it.each<[string, string, string[]]>([
    ['the topmost layer', '3', ['base', '1', '2']],
    ['a layer in the middle', '2', ['base', '1']],
    ['the base', 'base', []],
  ])('does without %s, where that is gone or wrong, and what stands on it', async (_, name, left) => {
    const key = partKey(partOf(name))
    entries.damage(key)
    const wrong = await comeBack()
    expect(wrong.failures).toEqual([expect.stringContaining('SHA-256')])
    entries.stored.delete(key)
    const gone = await comeBack()
    expect(gone.failures).toEqual([expect.stringContaining('is missing')])
    for (const { restorable, contents, parts } of [wrong, gone]) {
      expect(parts).toBe(4)
      expect(namesOf(restorable.images)).toStrictEqual(left)
      expect(namesOf(contents.images)).toStrictEqual(left)
      expect(namesOf(contents.layers)).toStrictEqual(left)
    }
  })

  it('unpacks nothing of a part that isn’t what the index says', async () => {
    entries.damage(partKey(partOf('2')))
    const { root } = await comeBack()
    expect(existsSync(join(root, 'overlay', hex('2')))).toBe(false)
  })

  it('unpacks nothing of other files under the name of a part, however well made they are', async () => {
    const file = join(temporaryFolder(), 'part')
    forge(file, [
      [`overlay/${hex('3')}/diff`, 'folder'],
      [`overlay-layers/${hex('3')}.tar-split.gz`, 'file'],
    ])
    entries.stored.set(partKey(partOf('3')), { path: partPath(partOf('3')), content: readFileSync(file) })
    const { root, contents, failures } = await comeBack()
    expect(failures).toEqual([expect.stringContaining('SHA-256')])
    expect(existsSync(join(root, 'overlay', hex('3')))).toBe(false)
    expect(namesOf(contents.layers)).toStrictEqual(['base', '1', '2'])
  })

  it('does without all images where the part with them is cut off', async () => {
    const key = partKey(imagesPart())
    const entry = entries.stored.get(key)
    entries.stored.set(key, { path: entry?.path ?? '', content: (entry?.content ?? Buffer.alloc(0)).subarray(0, 10) })
    const { contents, failures } = await comeBack()
    expect(contents).toStrictEqual({ layers: [], images: [] })
    expect(failures).toHaveLength(1)
  })

  it('leaves a root that can be built in where nothing came', async () => {
    for (const { sha256 } of index.parts) entries.stored.delete(partKey(sha256))
    const { contents, parts, bytes, failures } = await comeBack()
    expect({ contents, parts, bytes }).toStrictEqual({ contents: { layers: [], images: [] }, parts: 0, bytes: 0 })
    // One cause, though there are five parts.
    expect(failures).toHaveLength(1)
  })

  it('does without a part that names what isn’t in it', async () => {
    const images = index.images.map((image) => ({ ...image, part: partOf('base') }))
    const { contents, failures } = await comeBack(selectRestorable([{ ...index, images }], keys, 'one'))
    expect(contents.images).toStrictEqual([])
    expect(failures).toEqual([expect.stringContaining('tar')])
  })

  it('does without a part that the index doesn’t list', async () => {
    const parts = index.parts.filter(({ sha256 }) => sha256 !== partOf('3'))
    const { contents } = await comeBack(undefined, parts)
    expect(namesOf(contents.images)).toStrictEqual(['base', '1', '2'])
  })
})

describe('a part that somebody else has made, with a digest that is right', () => {
  /** Stores a forged part, and an index that says it holds the layer `evil` and its image. */
  async function forged(list: readonly ForgedEntry[]) {
    const file = join(temporaryFolder(), 'part')
    forge(file, list)
    const { sha256, bytes } = await digestFile(file)
    entries.stored.set(partKey(sha256), { path: partPath(sha256), content: readFileSync(file) })
    const layers = [{ record: layerOf('evil'), part: sha256 }]
    const images = [
      { record: imageOf('evil', 'evil'), part: sha256, key: hex('k1'), content: undefined, used: NOW, seconds: 1 },
    ]
    return await comeBack(selectRestorable([{ ...index, layers, images }], keys, 'one'), [{ sha256, bytes }])
  }
  const [diff, split, image] = [
    `overlay/${hex('evil')}/diff`,
    `overlay-layers/${hex('evil')}.tar-split.gz`,
    `overlay-images/${hex('i:evil')}`,
  ]
  const whole: readonly ForgedEntry[] = [
    [diff, 'folder'],
    [split, 'file'],
    [image, 'folder'],
  ]

  it('is taken where it has what it should', async () => {
    expect(namesOf((await forged(whole)).contents.images)).toStrictEqual(['evil'])
  })

  it.each<[string, string]>([
    ['a layer', diff],
    ['the archive’s record of a layer', split],
    ['an image', image],
  ])('is not taken where a link stands for %s: Buildah would read what that points to', async (_, name) => {
    const { root, contents } = await forged([...whole.filter(([path]) => path !== name), [name, 'link', '/etc']])
    const found = lstatSync(join(root, name), { throwIfNoEntry: false })
    if (found?.isSymbolicLink() === true) expect(contents).toStrictEqual({ layers: [], images: [] })
  })
})

describe('fetchForBuild', () => {
  it('gives the file to who unpacks it', async () => {
    const place = await placeOf(entries)
    const [part] = index.parts
    if (part === undefined) throw new Error('no part')
    const path = await fetchForBuild(part, place)
    expect(path).toBe(join(place.store.folder, 'parts', part.sha256))
    expect((await digestFile(path)).sha256).toBe(part.sha256)
  })
})

describe('cache mounts', () => {
  it.each([
    ['1.28.2', 'buildah-cache'],
    ['1.29.0', 'buildah-cache-1000'],
    ['1.43.2', 'buildah-cache-1000'],
  ])('are looked for by Buildah %s in %s', (version, expected) => {
    expect(mountsFolder({ version, uid: 1000 })).toBe(expected)
  })

  it('come back as they were, for another version too', async () => {
    const { tools } = await placeOf(entries)
    const [one, other] = [storeOf({ version: '1.28.2' }), storeOf({ version: '1.43.2' })]
    writeMount(one, 'go', 'content')
    const file = join(one.folder, 'parts/mounts')
    expect(await packMounts(tools, one, file)).toBe(true)
    await unpackMounts(tools, other, file)
    const places = [one, other].map((store) => join(store.folder, 'tmp', mountsFolder(store)))
    const [before, after] = places.map(listing)
    expect(before?.length).toBeGreaterThan(2)
    expect(after).toStrictEqual(before)
  })

  it('have the same digest while nothing in them changes', async () => {
    const { tools } = await placeOf(entries)
    const store = storeOf()
    writeMount(store, 'go', 'content')
    const digests: string[] = []
    for (const name of ['a', 'b']) {
      await packMounts(tools, store, join(store.folder, 'parts', name))
      digests.push((await digestFile(join(store.folder, 'parts', name))).sha256)
    }
    expect(digests[1]).toBe(digests[0])
  })

  it('take nothing else from TMPDIR', async () => {
    const { tools } = await placeOf(entries)
    const store = storeOf()
    for (const name of ['buildah-cache-x', 'my-buildah-cache', 'buildah123']) mkdirSync(join(store.folder, 'tmp', name))
    writeFileSync(join(store.folder, 'tmp/file'), '')
    expect(await packMounts(tools, store, join(store.folder, 'parts/x'))).toBe(false)
  })
})
