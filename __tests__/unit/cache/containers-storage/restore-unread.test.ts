import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from '@jest/globals'
import { type Index, parseIndex } from '../../../../src/cache/containers-storage/index.js'
import { HOLE_BYTES } from '../../../../src/cache/containers-storage/skeleton-bundle.js'
import { restoreUnread } from '../../../../src/cache/containers-storage/restore-unread.js'
import { selectRestorable } from '../../../../src/cache/containers-storage/select.js'
import type { SkeletonTerms } from '../../../../src/cache/skeletons.js'
import { bigLayerOf, grow, hex, imageOf, jobOf, MemoryEntries, namesOf, NOW, placeOf, saveFrom } from '../fixtures.js'

const NAME = 'docker.io/library/debian:12'
const MANIFEST = `sha256:${hex('manifest')}`
/** More than is worth asking a registry for, however it is compressed. */
const CONTENT = randomBytes(5 * 2 ** 20)
const blobOf = (name: string) => `sha256:${hex(`b${name}`)}`
const diffOf = (name: string) => `sha256:${hex(`d${name}`)}`

let entries: MemoryEntries
let index: Index

/** What a run of one step leaves whose layers have been pushed. */
beforeAll(async () => {
  entries = new MemoryEntries()
  const place = await placeOf(entries)
  const root = join(place.store.folder, 'root')
  const layers = [bigLayerOf('base'), bigLayerOf('1', 'base')].map((layer, at) => ({
    ...layer,
    'diff-digest': diffOf(at === 0 ? 'base' : '1'),
  }))
  grow(root, layers, [{ ...imageOf('base', 'base', [NAME]), digest: MANIFEST }, imageOf('1', '1')])
  writeFileSync(join(root, 'overlay', hex('base'), 'diff/large'), CONTENT)
  const steps = [{ image: hex('i:1'), key: hex('k1'), content: hex('c1'), hit: false, seconds: 3 }]
  const job = jobOf({ storage: place.store, root, bundles: true, run: { steps, imageId: hex('i:1') } })
  await saveFrom(job, place)
  const key = [...entries.stored.keys()].find((name) => name.includes('-i-')) ?? ''
  const saved = parseIndex(entries.stored.get(key)?.content.toString() ?? '')
  const rows = ['base', '1'].map((name) => `${blobOf(name)}${diffOf(name)}`).join('\0')
  const memory = [{ name: 'blob-info-cache-v1.sqlite' as const, content: Buffer.from(rows).toString('base64') }]
  index = { ...saved, memory, parts: saved.parts.map((part) => ({ ...part, fetched: NOW })) }
})

/** FROM debian:12, a step that is there, and a COPY that isn't; asks a registry that has these layers, or hasn't. */
async function comeBack(hasLayers: boolean) {
  const place = await placeOf(entries)
  const root = join(place.store.folder, 'root')
  const asked: (readonly (readonly string[])[])[] = []
  const step = { readsBelow: false, sources: [] }
  const steps = [
    { ...step, key: hex('k1'), content: hex('c1') },
    { ...step, key: hex('k2'), content: hex('new') },
  ]
  const terms: SkeletonTerms = {
    reading: { stages: [{ base: { image: 'debian:12' }, steps, isRead: false }], images: new Set() },
    bases: new Map([['debian:12', { name: NAME, digest: MANIFEST }]]),
    arePushed: (layers) => {
      asked.push(layers)
      return Promise.resolve(hasLayers)
    },
  }
  const restorable = selectRestorable([index], new Map([[hex('k1'), hex('c1')]]), 'one')
  const come = await restoreUnread(restorable, [index], root, { ...place, limits: { now: NOW }, terms })
  return { come, asked, file: readFileSync(join(root, 'overlay', hex('base'), 'diff/large')) }
}

it('leaves contents out where a registry has the layers', async () => {
  const { come, asked, file } = await comeBack(true)
  expect(come.failures).toStrictEqual([])
  expect(namesOf([...(come.skeletons?.layers ?? [])].map((id) => ({ id })))).toStrictEqual(['base', '1'])
  expect(asked).toStrictEqual([[[blobOf('base')], [blobOf('1')]]])
  expect(file).toStrictEqual(Buffer.alloc(HOLE_BYTES))
})

it('brings every layer back whole where a registry lacks one', async () => {
  const { come, asked, file } = await comeBack(false)
  expect(come.failures).toStrictEqual([])
  expect(come.skeletons).toBeUndefined()
  expect(asked).toHaveLength(1)
  expect(file.equals(CONTENT)).toBe(true)
})
