import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { planSave } from '../../../../src/cache/backends/archives-save.js'
import { type HasRoom, packAhead, partAhead } from '../../../../src/cache/containers-storage/pack-ahead.js'
import type { Workplace } from '../../../../src/cache/containers-storage/restore.js'
import { containersStorage } from '../../../../src/cache/containers-storage/snapshot.js'
import { partKey, partPath } from '../../../../src/cache/key.js'
import type { PackedGroup } from '../../../../src/cache/snapshot.js'
import {
  bigLayerOf,
  grow,
  hex,
  imageOf,
  jobOf,
  layerOf,
  type MemoryEntries,
  emptyPlace,
  saveFrom,
} from '../fixtures.js'

const roomy: HasRoom = () => Promise.resolve(true)

let entries: MemoryEntries
let place: Workplace
let root: string

beforeEach(async () => {
  ;({ entries, place, root } = await emptyPlace())
  const layers = [bigLayerOf('base'), layerOf('1', 'base'), bigLayerOf('2', '1'), bigLayerOf('unfinished', '2')]
  grow(root, layers, [imageOf('base', 'base', ['docker.io/library/alpine:3.20']), imageOf('1', '1'), imageOf('2', '2')])
})

const filesIn = (folder: string) => readdirSync(folder).filter((name) => name.includes('ahead') || name.includes('-p-'))
const left = () => [place.stagingDir, join(place.store.folder, 'parts')].flatMap(filesIn)
const pathOf = ({ part }: PackedGroup) => join(place.stagingDir, partPath(part.sha256))

/** Packs until nothing is left to pack. */
async function packAll(known: readonly string[] = [], hasRoom = roomy): Promise<readonly PackedGroup[]> {
  const ahead = packAhead(root, new Set(known.map(hex)), place, { hasRoom })
  await ahead.look()
  return await ahead.close()
}
const job = (packed: readonly PackedGroup[], names = ['1', '2']) => {
  const steps = names.map((name) => ({
    ...{ image: hex(`i:${name}`), key: hex(`k${name}`), content: undefined, hit: false, seconds: 3 },
  }))
  return jobOf({ storage: place.store, root, packed, run: { steps } })
}

describe('while a build goes on', () => {
  it('packs the large layers that images stand on, and that no part holds', async () => {
    expect((await packAll()).flatMap(({ ids }) => ids)).toStrictEqual([hex('base'), hex('2')])
    expect((await packAll(['base'])).flatMap(({ ids }) => ids)).toStrictEqual([hex('2')])
  })

  it('makes the parts that are made after the build', async () => {
    const packed = await packAll()
    const after = await saveFrom(job([]), place)
    expect(after.failures).toStrictEqual([])
    for (const { part } of packed) expect([...entries.stored.keys()]).toContain(partKey(part.sha256))
  })

  it('packs what comes later when it is told to look again', async () => {
    const ahead = packAhead(root, new Set(), place, { hasRoom: roomy })
    await ahead.look()
    grow(root, [bigLayerOf('3', '2')], [imageOf('3', '3')])
    await ahead.look()
    expect((await ahead.close()).flatMap(({ ids }) => ids)).toStrictEqual([hex('base'), hex('2'), hex('3')])
  })

  it('begins nothing more once the build is over', async () => {
    const ahead = packAhead(root, new Set(), place, { hasRoom: roomy })
    ahead.stop()
    await ahead.look()
    expect(await ahead.close()).toStrictEqual([])
  })

  it('leaves nothing of what is under way when it is closed', async () => {
    const ahead = packAhead(root, new Set(), place, { hasRoom: roomy })
    void ahead.look()
    const packed = await ahead.close()
    expect(left()).toStrictEqual(packed.map(({ part }) => partPath(part.sha256)))
  })

  it('packs nothing where memory or disk is short', async () => {
    expect(await packAll([], () => Promise.resolve(false))).toStrictEqual([])
    expect(left()).toStrictEqual([])
  })

  it('goes on without what can’t be packed', async () => {
    place = { ...place, tools: { ...place.tools, slowCompressor: 'false' } }
    expect(await packAll()).toStrictEqual([])
    expect(left()).toStrictEqual([])
  })
})

describe('what was sent as well', () => {
  it('is neither packed nor sent again, and counts as saved', async () => {
    const packed = (await packAll()).map((one) => ({ ...one, isSent: true }))
    for (const one of packed) rmSync(pathOf(one))
    const plan = await planSave(await containersStorage(place.store, new Map()), job(packed), place.stagingDir)
    expect(plan.bytes).toBeLessThan(2 * 2 ** 20)
    const saved = await saveFrom(job(packed), place)
    expect(saved).toMatchObject({ failures: [], parts: 3 })
    const keys = [...entries.stored.keys()]
    for (const { part } of packed) expect(keys).not.toContain(partKey(part.sha256))
  })
})

describe('what was packed ahead', () => {
  it('is sent as it is', async () => {
    const packed = await packAll()
    const plan = await planSave(await containersStorage(place.store, new Map()), job(packed), place.stagingDir)
    // Whoever packs it again finds nothing.
    rmSync(join(root, 'overlay', hex('base')), { recursive: true })
    expect(await plan.archives[0]?.pack()).toStrictEqual(packed[0]?.part)
  })

  it('is thrown away where its step isn’t kept', async () => {
    const packed = await packAll()
    await planSave(await containersStorage(place.store, new Map()), job(packed, ['1']), place.stagingDir)
    expect(packed.map((one) => existsSync(pathOf(one)))).toStrictEqual([true, false])
  })

  it('is packed anew where it is gone, or not what it was', async () => {
    const packed = await packAll()
    for (const one of packed) writeFileSync(pathOf(one), 'short')
    expect(await partAhead([hex('base')], packed, place.stagingDir)).toBeUndefined()
    const saved = await saveFrom(job(packed), place)
    expect(saved.failures).toStrictEqual([])
    for (const { part } of packed) expect(entries.stored.get(partKey(part.sha256))?.content.length).toBe(part.bytes)
  })

  it('isn’t the part of a group that has more in it', async () => {
    const packed = await packAll()
    expect(await partAhead([hex('base'), hex('i:base')], packed, place.stagingDir)).toBeUndefined()
  })
})
