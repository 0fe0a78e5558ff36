import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import {
  makePlaces,
  placesOf,
  readContents,
  orphanedPaths,
  writeRecords as writeRootRecords,
} from '../../../../src/cache/containers-storage/layout.js'
import type { Layout } from '../../../../src/build-storage.js'
import { temporaryFolder } from '../../helpers.js'
import { grow, hex, imageOf, layerOf, namesOf, storeOf, writeRecords } from '../fixtures.js'

const layers = [layerOf('1'), layerOf('2', '1'), layerOf('3', '2')]
const images = [imageOf('a', '1'), imageOf('b', '3')]

function rootOf(): string {
  const root = temporaryFolder()
  grow(root, layers, images)
  return root
}

describe('placesOf', () => {
  it.each<[Layout, string, string, string]>([
    ['overlay-root', 'overlay-layers', 'overlay-images', 'overlay/x/diff'],
    ['overlay-rootless', 'overlay-layers', 'overlay-images', 'overlay/x/diff'],
    ['fuse-overlayfs-rootless', 'overlay-layers', 'overlay-images', 'overlay/x/diff'],
    ['vfs-root', 'vfs-layers', 'vfs-images', 'vfs/dir/x'],
    ['vfs-rootless', 'vfs-layers', 'vfs-images', 'vfs/dir/x'],
  ])('%s', (layout, layersFolder, imagesFolder, content) => {
    const places = placesOf(layout)
    expect(places.layersFile).toBe(`${layersFolder}/layers.json`)
    expect(places.imagesFile).toBe(`${imagesFolder}/images.json`)
    expect(places.ofLayer('x')).toStrictEqual([content, `${layersFolder}/x.tar-split.gz`])
    expect(places.ofImage('x')).toStrictEqual([`${imagesFolder}/x`])
  })
})

describe('readContents', () => {
  it('reads the records of a root', async () => {
    expect(await readContents(rootOf(), 'overlay-root')).toStrictEqual({ layers, images })
  })

  it('is empty where nothing was built', async () => {
    expect(await readContents(temporaryFolder(), 'overlay-root')).toStrictEqual({ layers: [], images: [] })
    expect(await readContents(rootOf(), 'vfs-root')).toStrictEqual({ layers: [], images: [] })
  })

  it('leaves out a layer that is still being written, and takes what is left of the record of another', async () => {
    const root = rootOf()
    const half = { ...layerOf('half'), flags: { incomplete: true } }
    writeFileSync(join(root, 'overlay-layers', `${half.id}.tar-split.gz`), '')
    writeRecords(root, [{ ...layers[0], names: ['x'], mountcount: 2 }, half], [])
    expect((await readContents(root, 'overlay-root')).layers).toStrictEqual([layers[0]])
  })

  it('leaves out a layer that no archive can be made of again', async () => {
    const root = rootOf()
    rmSync(join(root, 'overlay-layers', `${hex('2')}.tar-split.gz`))
    expect(namesOf((await readContents(root, 'overlay-root')).layers)).toStrictEqual(['1', '3'])
  })

  it.each([
    ['is cut off', '[{"id": "'],
    ['names a way out', '[{"id": "../../etc"}]'],
  ])('has nothing where a file of records %s', async (_, text) => {
    const root = rootOf()
    writeFileSync(join(root, 'overlay-layers/layers.json'), text)
    expect((await readContents(root, 'overlay-root')).layers).toStrictEqual([])
  })

  it('isn’t stopped by a layer of unknown size, which containers/storage writes as -1 after a pull in pieces', async () => {
    const root = rootOf()
    writeRecords(root, [layers[0], { ...layers[1], 'diff-size': -1 }, layers[2]], [])
    const { layers: found } = await readContents(root, 'overlay-root')
    expect(namesOf(found)).toEqual(expect.arrayContaining(['1', '3']))
  })
})

describe('writeRecords', () => {
  it('writes records and what overlay finds layers by, for a chain of three', async () => {
    const folder = temporaryFolder()
    const written = await writeRootRecords(folder, 'overlay-root', { layers, images }, 'links')
    const read = (path: string) => readFileSync(join(folder, path), 'utf8')
    expect(JSON.parse(read('overlay-layers/layers.json'))).toStrictEqual(layers)
    expect(JSON.parse(read('overlay-images/images.json'))).toStrictEqual(images)
    const [one = '', two = '', three = ''] = layers.map(({ id }) => read(`overlay/${id}/link`))
    expect(new Set([one, two, three]).size).toBe(3)
    for (const link of [one, two, three]) expect(link).toMatch(/^[A-Z0-9]{26}$/)
    expect(layers.map(({ id }) => readlinkSync(join(folder, 'overlay/l', read(`overlay/${id}/link`))))).toStrictEqual(
      layers.map(({ id }) => `../${id}/diff`),
    )
    // The nearest comes first.
    expect(read(`overlay/${hex('2')}/lower`)).toBe(`l/${one}`)
    expect(read(`overlay/${hex('3')}/lower`)).toBe(`l/${two}:l/${one}`)
    expect(existsSync(join(folder, `overlay/${hex('1')}/lower`))).toBe(false)
    const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    const isFolder = (path: string) => lstatSync(join(folder, path)).isDirectory()
    const empty = all.filter((path) => isFolder(path) && readdirSync(join(folder, path)).length === 0)
    expect(written.toSorted()).toStrictEqual([...all.filter((path) => !isFolder(path)), ...empty].sort())
    // The lowest has one more: it is mounted with that.
    const mounted = layers.map(({ id }) =>
      empty
        .filter((path) => path.startsWith(`overlay/${id}/`))
        .map((path) => basename(path))
        .sort(),
    )
    expect(mounted).toStrictEqual([
      ['empty', 'merged', 'work'],
      ['merged', 'work'],
      ['merged', 'work'],
    ])
    for (const path of written.filter((name) => !name.startsWith('overlay/l/'))) {
      expect(statSync(join(folder, path)).mode & 0o777).toBe(isFolder(path) ? 0o700 : 0o600)
    }
  })

  it('gives a layer the same short name every time', async () => {
    const names = [temporaryFolder(), temporaryFolder()].map(async (folder) => {
      await writeRootRecords(folder, 'overlay-rootless', { layers, images: [] }, 'links')
      return readdirSync(join(folder, 'overlay/l')).sort()
    })
    const [one, other] = await Promise.all(names)
    expect(one).toHaveLength(3)
    expect(other).toStrictEqual(one)
  })

  it.each<[Layout, 'links' | 'no links', string]>([
    ['overlay-root', 'no links', 'overlay'],
    ['vfs-root', 'links', 'vfs'],
    ['vfs-rootless', 'no links', 'vfs'],
  ])('writes records alone for %s with %s', async (layout, links, driver) => {
    const folder = temporaryFolder()
    const written = await writeRootRecords(folder, layout, { layers, images }, links)
    expect(written).toStrictEqual([`${driver}-layers/layers.json`, `${driver}-images/images.json`])
    expect(readdirSync(folder).sort()).toStrictEqual([`${driver}-images`, `${driver}-layers`])
  })

  it('writes what is read again', async () => {
    const root = rootOf()
    await writeRootRecords(root, 'overlay-root', { layers: layers.slice(0, 2), images: images.slice(0, 1) }, 'links')
    expect(await readContents(root, 'overlay-root')).toStrictEqual({
      layers: layers.slice(0, 2),
      images: images.slice(0, 1),
    })
  })
})

describe('strayPaths', () => {
  it('names nothing of the contents of what is kept, and all that is written anew', async () => {
    const root = rootOf()
    await writeRootRecords(root, 'overlay-root', { layers, images }, 'links')
    for (const path of ['overlay-layers/layers.lock', 'storage.lock', 'defaultNetworkBackend', 'overlay/.has-mount'])
      writeFileSync(join(root, path), '')
    const orphaned = await orphanedPaths(root, 'overlay-root', { layers, images })
    expect(orphaned.filter((path) => /diff|tar-split|overlay-images\/[0-9a-f]/.test(path))).toStrictEqual([])
    for (const path of orphaned) rmSync(join(root, path), { recursive: true })
    const left = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) =>
      lstatSync(join(root, path)).isFile(),
    )
    expect(left.sort()).toStrictEqual(
      [
        ...layers.flatMap(({ id }) => [
          `overlay/${id}/diff/etc/${id.slice(0, 6)}`,
          `overlay-layers/${id}.tar-split.gz`,
        ]),
        ...images.map(({ id }) => `overlay-images/${id}/manifest`),
      ].sort(),
    )
  })

  it('names all that belongs to nothing: contents, archives, images, containers', async () => {
    const root = rootOf()
    mkdirSync(join(root, 'overlay-containers', hex('container')), { recursive: true })
    mkdirSync(join(root, 'overlay', hex('half'), 'diff'), { recursive: true })
    const orphaned = await orphanedPaths(root, 'overlay-root', {
      layers: layers.slice(0, 2),
      images: images.slice(0, 1),
    })
    expect(orphaned.sort()).toStrictEqual(
      [
        `overlay/${hex('3')}`,
        `overlay/${hex('half')}`,
        `overlay-layers/${hex('3')}.tar-split.gz`,
        `overlay-images/${hex('i:b')}`,
        'overlay-layers/layers.json',
        'overlay-images/images.json',
        'overlay-containers',
      ].sort(),
    )
  })

  it('names folders of vfs', async () => {
    const root = temporaryFolder()
    for (const name of ['1', 'old']) mkdirSync(join(root, 'vfs/dir', hex(name)), { recursive: true })
    mkdirSync(join(root, 'vfs-layers'))
    for (const name of ['1', 'old']) writeFileSync(join(root, 'vfs-layers', `${hex(name)}.tar-split.gz`), '')
    const orphaned = await orphanedPaths(root, 'vfs-rootless', { layers: [layerOf('1')], images: [] })
    expect(orphaned.sort()).toStrictEqual([`vfs-layers/${hex('old')}.tar-split.gz`, `vfs/dir/${hex('old')}`])
  })

  it('is empty for a root that is not there, and where a link stands for a folder names the link', async () => {
    const root = temporaryFolder()
    expect(await orphanedPaths(join(root, 'nowhere'), 'overlay-root', { layers, images })).toStrictEqual([])
    mkdirSync(join(root, 'overlay'))
    const kept = layers[0]?.id ?? ''
    for (const name of [hex('link'), kept]) symlinkSync('/etc', join(root, 'overlay', name))
    symlinkSync('/etc', join(root, 'overlay-layers'))
    expect((await orphanedPaths(root, 'overlay-root', { layers, images })).sort()).toStrictEqual(
      ['overlay-layers', `overlay/${hex('link')}`, `overlay/${kept}`].sort(),
    )
  })
})

describe('makePlaces', () => {
  it('makes the folders of a root, also where Buildah 1.23 has made some of them', async () => {
    const root = temporaryFolder()
    mkdirSync(join(root, 'overlay'))
    await makePlaces(root, storeOf())
    expect(readdirSync(root).sort()).toStrictEqual(['overlay', 'overlay-images', 'overlay-layers'])
    expect(existsSync(join(root, 'overlay/l'))).toBe(true)
  })

  it('goes through no link that stands in the place of one', async () => {
    const root = temporaryFolder()
    symlinkSync(temporaryFolder(), join(root, 'overlay'))
    await expect(makePlaces(root, storeOf())).rejects.toThrow('EEXIST')
  })
})
