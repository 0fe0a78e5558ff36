import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { LayerEntry } from '../../../../src/lib/tar-headers.js'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import { describeReplacedLinks, findReplacedLinks } from '../../../../src/pipeline/build/replaced-links.js'
import type { Layout } from '../../../../src/build-storage.js'
import { grow, hex, imageOf, layerOf } from '../../cache/fixtures.js'
import { temporaryFolder } from '../../helpers.js'

const OPAQUE = '.wh..wh..opq'
const entry = (path: string, kind: LayerEntry['kind']): LayerEntry => ({ path, kind, bytes: 0, target: '' })
/** A folder in the place of whatever was there, as an overlay has it. */
const instead = (path: string) => [entry(`${path}/`, 'folder'), entry(`${path}/${OPAQUE}`, 'file')]

/** Three layers, one on the other, of which the uppermost is that of a step; the other ones have what is written. */
function rootWith(...lower: Readonly<Record<string, string | null>>[]): string {
  const root = temporaryFolder()
  grow(root, [layerOf('1'), layerOf('2', '1'), layerOf('3', '2')], [imageOf('a', '3')])
  for (const [index, content] of lower.entries())
    for (const [path, link] of Object.entries(content)) {
      const place = join(root, 'overlay', hex(String(index + 1)), 'diff', path)
      mkdirSync(dirname(place), { recursive: true })
      if (link === null) mkdirSync(place, { recursive: true })
      else if (link === '') writeFileSync(place, '')
      else symlinkSync(link, place)
    }
  return root
}

async function replacedIn(root: string, entries: readonly LayerEntry[], layout: Layout = 'overlay-rootless') {
  const layer = { stage: 0, index: 2, image: hex('i:a').slice(0, 12), entries }
  const found = await findReplacedLinks(root, layout, [layer])
  return found.map(({ path, target }) => `${path} -> ${target}`)
}

describe('findReplacedLinks', () => {
  it('finds a link that a folder was put in the place of, in whatever layer below', async () => {
    const root = rootWith({ bin: 'usr/bin', 'var/run': '/run' }, { lib: 'usr/lib' })
    const entries = [...instead('bin'), ...instead('./lib'), ...instead('var/run'), entry('bin/tool', 'file')]
    expect(await replacedIn(root, entries)).toStrictEqual(['bin -> usr/bin', 'lib -> usr/lib', 'var/run -> /run'])
  })

  it('takes the nearest layer that has something there', async () => {
    const root = rootWith({ bin: 'usr/bin', lib: null }, { bin: null, lib: 'usr/lib' })
    expect(await replacedIn(root, [...instead('bin'), ...instead('lib')])).toStrictEqual(['lib -> usr/lib'])
  })

  it.each<[what: string, lower: Readonly<Record<string, string | null>>, entries: LayerEntry[]]>([
    ['a folder that is put into another one', { bin: null }, [entry('bin/', 'folder')]],
    ['a folder in the place of a file', { bin: '' }, instead('bin')],
    ['a folder that is new', { usr: null }, instead('bin')],
    // What its own link leads to is of no concern: it would be looked for on this machine.
    ['a folder behind a link', { lib: '/', 'x/lib': '/' }, instead('lib/etc')],
    ['a file in the place of a link', { bin: 'usr/bin' }, [entry('bin', 'file')]],
    ['all of the image', { bin: 'usr/bin' }, [entry('./', 'folder'), entry(OPAQUE, 'file')]],
  ])('finds none in %s', async (_, lower, entries) => {
    expect(await replacedIn(rootWith(lower), entries)).toStrictEqual([])
  })

  it('looks at all folders where layers have no word for it, and at the next layer alone, which has all', async () => {
    const root = temporaryFolder()
    const [layers, image] = [[layerOf('1'), layerOf('2', '1'), layerOf('3', '2')], imageOf('a', '3')]
    for (const { id } of layers) mkdirSync(join(root, 'vfs/dir', id), { recursive: true })
    mkdirSync(join(root, 'vfs-images', image.id), { recursive: true })
    mkdirSync(join(root, 'vfs-layers'))
    for (const { id } of layers) writeFileSync(join(root, 'vfs-layers', `${id}.tar-split.gz`), '')
    writeFileSync(join(root, 'vfs-layers/layers.json'), JSON.stringify(layers))
    writeFileSync(join(root, 'vfs-images/images.json'), JSON.stringify([image]))
    symlinkSync('usr/lib', join(root, 'vfs/dir', hex('1'), 'lib'))
    symlinkSync('usr/bin', join(root, 'vfs/dir', hex('2'), 'bin'))
    const entries = ['bin/', 'lib/', 'etc/'].map((path) => entry(path, 'folder'))
    expect(await replacedIn(root, entries, 'vfs-rootless')).toStrictEqual(['bin -> usr/bin'])
  })
})

describe('describeReplacedLinks', () => {
  const dockerfile = parseDockerfile('FROM a\nRUN x\n\nADD rootfs.tar /\n')

  it('names the line and the links, a warning for each step', () => {
    const link = { stage: 0, index: 2, path: 'bin', target: 'usr/bin' }
    const paths = ['b', 'c', 'd', 'e', 'f\n::error::']
    const many = paths.map((path) => ({ ...link, index: 1, path }))
    const [first, second] = describeReplacedLinks([link, ...many, { ...link, index: 1, path: 'g' }], dockerfile)
    expect(first).toBe(
      'Dockerfile line 4: ADD replaced these links of the layers below with folders: "/bin" (to "usr/bin"). ' +
        "The links' targets can't be reached through them anymore. Copy into the target folders instead.",
    )
    expect(second).toContain('"/e" (to "usr/bin"), "/f\\n::error::" (to "usr/bin") and 1 more. The links\'')
  })

  it('has nothing to say of none', () => {
    expect(describeReplacedLinks([], dockerfile)).toStrictEqual([])
  })
})
