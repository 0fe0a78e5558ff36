import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { RestoredStorage } from '../../../../src/cache/cache.js'
import { openDirectory } from '../../../../src/cache/backends/directory.js'
import { indexPath } from '../../../../src/cache/key.js'
import { readSealed } from '../../../../src/lib/plain-file.js'
import { parseIndex } from '../../../../src/cache/containers-storage/index.js'
import { readContents } from '../../../../src/cache/containers-storage/layout.js'
import type { Keys } from '../../../../src/cache/containers-storage/select.js'
import type { Limits } from '../../../../src/cache/containers-storage/retention.js'
import type { ImageRecord, LayerRecord } from '../../../../src/cache/containers-storage/records.js'
import { runs } from '../../../harness/properties.js'
import { temporaryFolder } from '../../helpers.js'
import { DAY, grow, hex, imageOf, layerOf, namesOf, NOW, storeOf } from '../fixtures.js'

const [main, pull, other] = ['refs/heads/main', 'refs/pull/7/merge', 'refs/heads/other']
const scope = '0123456789abcdef'

interface Given {
  readonly refs?: readonly string[]
  readonly write?: boolean
  readonly limits?: Partial<Limits>
  /** Names of the steps that are going to be built. */
  readonly steps?: readonly string[]
}

const steps = ['1', '2', '3']
const keysOf = (names: readonly string[]): Keys => new Map(names.map((name) => [hex(`k${name}`), undefined]))
const folderIn = (directory: string) => join(directory, `${scope}-overlay-root-${process.getuid?.() ?? 0}`)
const indexIn = (directory: string, ref = main) => join(folderIn(directory), 'indexes', indexPath(ref))

/** What a build of this machine gets, and what it leaves. */
async function start(
  directory: string,
  { refs = [main], write = true, limits = {}, steps: wanted = steps }: Given = {},
) {
  const cache = openDirectory({
    ...{ directory, scope, refs, write, read: true, mounts: false, stagingDir: temporaryFolder() },
    limits: { now: NOW, ttlMs: DAY, maxBytes: 2 ** 31, perKey: 1, ...limits },
  })
  const store = storeOf()
  const privateRoot = join(store.folder, 'root')
  const foretold = await cache.rootFor(store, privateRoot)
  const warm = await cache.restore(store, keysOf(wanted), privateRoot)
  const { layers, images } = await readContents(warm.root, 'overlay-root')
  return { cache, store, warm, foretold, layers, images, isOwn: warm.root !== privateRoot }
}

/** Leaves what a build has made: a base of one layer, and a step on each layer after it. */
async function leave(
  { warm, cache }: Awaited<ReturnType<typeof start>>,
  names: readonly string[] = steps,
  base = 'base',
): Promise<string[]> {
  const have = await readContents(warm.root, 'overlay-root')
  const isNew = ({ id }: LayerRecord | ImageRecord) => ![...have.layers, ...have.images].some((one) => one.id === id)
  const chain = [base, ...names]
  const layers = chain.map((name, place) => layerOf(name, place === 0 ? undefined : chain[place - 1]))
  const images = [imageOf(base, base, [`docker.io/acme/${base}:1`]), ...names.map((name) => imageOf(name, name))]
  grow(warm.root, layers.filter(isNew), images.filter(isNew))
  // As those of a layer that is unpacked are those of its archive.
  execFileSync('find', [join(warm.root, 'overlay'), '-exec', 'touch', '-h', '-d', '@0', '{}', '+'])
  const made = names.map((name) => ({
    ...{ image: hex(`i:${name}`), key: hex(`k${name}`), content: undefined, seconds: 1 },
    hit: !isNew(imageOf(name, name)),
  }))
  const { failures } = await warm.save({ steps: made, ours: [], pushed: undefined, failed: false })
  await cache.close()
  return [...failures]
}

async function build(directory: string, given: Given = {}, names: readonly string[] = steps) {
  const found = await start(directory, given)
  const failures = await leave(found, names)
  return { ...found, restored: found.warm.restored, failures }
}

/** All that a build would take of a root is what `grow()` wrote. */
function expectRight({ root }: RestoredStorage, layers: readonly LayerRecord[], images: readonly ImageRecord[]): void {
  for (const { id, parent, ...rest } of layers) {
    expect(rest).toStrictEqual({ 'diff-size': 1000 })
    const content = join(root, 'overlay', id, 'diff')
    expect(readdirSync(content, { recursive: true }).sort()).toStrictEqual(['etc', `etc/${id.slice(0, 6)}`])
    expect(readFileSync(join(content, 'etc', id.slice(0, 6)), 'utf8')).toBe(`of ${id}`)
    expect(readFileSync(join(root, 'overlay-layers', `${id}.tar-split.gz`), 'utf8')).toBe(`split of ${id}`)
    const link = readFileSync(join(root, 'overlay', id, 'link'), 'utf8')
    expect(lstatSync(join(root, 'overlay/l', link)).isSymbolicLink()).toBe(true)
    expect(existsSync(join(root, 'overlay', id, 'lower'))).toBe(parent !== undefined)
  }
  for (const { id, layer } of images) {
    expect(readdirSync(join(root, 'overlay-images', id))).toStrictEqual(['manifest'])
    expect(readFileSync(join(root, 'overlay-images', id, 'manifest'), 'utf8')).toBe(`manifest of ${id}`)
    expect(layers.map((one) => one.id)).toContain(layer)
  }
}

describe('a root that stays', () => {
  it('is known, and there, before anything is restored', async () => {
    const directory = temporaryFolder()
    const first = await start(directory)
    expect(first.foretold).toBe(first.warm.root)
    const beside = await start(directory)
    expect({ ...beside, failures: beside.warm.restored.failures.length }).toMatchObject({ isOwn: false, failures: 1 })
    expect(beside.foretold).toBe(first.warm.root)
    await first.cache.close()
    const unwritable = openDirectory({
      ...{ directory: '/dev/null', scope, refs: [main], write: true, read: true, mounts: false },
      ...{ stagingDir: '/none', limits: { now: NOW, ttlMs: DAY, maxBytes: 2 ** 31, perKey: 1 } },
    })
    expect(await unwritable.rootFor(storeOf(), '/none')).toBeUndefined()
  })

  it('has the second build see what the first has left, and nothing else', async () => {
    const directory = temporaryFolder()
    const cold = await build(directory)
    expect({ ...cold, names: namesOf(cold.images) }).toMatchObject({ isOwn: true, names: [], failures: [] })
    writeFileSync(join(cold.warm.root, 'defaultNetworkBackend'), 'rubbish')
    const warm = await start(directory)
    expect(warm.warm.restored.failures).toStrictEqual([])
    expect(namesOf(warm.images).sort()).toStrictEqual(['1', '2', '3', 'base'])
    expectRight(warm.warm, warm.layers, warm.images)
    expect(readdirSync(warm.warm.root).sort()).toStrictEqual(['overlay', 'overlay-images', 'overlay-layers'])
    await leave(warm)
  })

  it('is not read by the next run where nothing has written to it since it was left', async () => {
    const directory = temporaryFolder()
    const started = Date.now()
    await build(directory)
    const readAt = async () => {
      const { layers } = parseIndex((await readSealed(indexIn(directory), 2 ** 20)) ?? '')
      return layers.map(({ stamp }) => stamp?.read ?? 0)
    }
    const left = await readAt()
    expect(left).toHaveLength(4)
    expect(Math.min(...left)).toBeGreaterThanOrEqual(started)
    const now = Date.now() + 1000
    await build(directory, { limits: { now } })
    expect(await readAt()).toStrictEqual(left)
    const { root } = (await build(directory, { limits: { now } })).warm
    appendFileSync(join(root, 'overlay', hex('2'), 'diff/etc', hex('2').slice(0, 6)), 'more')
    const { restored } = await build(directory, { limits: { now } })
    expect(restored.failures.join()).toContain("don't match their digests")
  })

  it('puts aside what a build has no use for, and has it back for the next', async () => {
    const directory = temporaryFolder()
    await build(directory)
    const changed = await start(directory, { steps: ['1', 'x'] })
    expect(namesOf(changed.images).sort()).toStrictEqual(['1', 'base'])
    expect(namesOf(changed.layers)).toStrictEqual(['base', '1'])
    expect(readdirSync(join(changed.warm.root, 'overlay')).sort()).toStrictEqual([hex('1'), hex('base'), 'l'].sort())
    await leave(changed, ['1', 'x'])
    const back = await start(directory)
    expect(namesOf(back.images).sort()).toStrictEqual(['1', '2', '3', 'base'])
    expectRight(back.warm, back.layers, back.images)
    await leave(back)
    expect((await build(directory, { steps: ['1', 'x'] }, ['1', 'x'])).restored.images).toBe(2)
  })

  it('takes what was made anew for what lies aside under the same id', async () => {
    const directory = temporaryFolder()
    await build(directory)
    const blind = await start(directory, { refs: [other] })
    expect(namesOf(blind.layers)).toStrictEqual([])
    await leave(blind)
    const again = await start(directory)
    expect(again.warm.restored.failures).toStrictEqual([])
    expect(namesOf(again.images).sort()).toStrictEqual(['1', '2', '3', 'base'])
    expect(readdirSync(join(folderIn(directory), 'aside'))).toStrictEqual([])
    await again.cache.close()
  })

  it('has nothing that was cut off, and nothing of who may not write', async () => {
    const directory = temporaryFolder()
    await build(directory)
    const reading = await start(directory, { write: false, steps: [...steps, '4'] })
    await leave(reading, [...steps, '4'])
    const next = await start(directory, { steps: [...steps, '4'] })
    expect(namesOf(next.images).sort()).toStrictEqual(['1', '2', '3', 'base'])
    expect(existsSync(join(next.warm.root, 'overlay', hex('4')))).toBe(false)
    await next.cache.close()
  })
})

it('what a cancelled build has made is there again, though nobody could read it then', async () => {
  const directory = temporaryFolder()
  const cancelled = await start(directory)
  // Every program that is started then is ended.
  Object.assign(cancelled.store, { enter: ['false'] })
  await leave(cancelled)
  const next = await start(directory)
  expect(namesOf(next.images).sort()).toStrictEqual(['1', '2', '3', 'base'])
  expect(next.warm.restored.failures).toStrictEqual([])
  await leave(next)
  const seals = readFileSync(indexIn(directory), 'utf8').match(/"seal":"[0-9a-f]{64}"/g)
  expect(seals).toHaveLength(8)
})

describe('branches are apart', () => {
  it('a pull request gets what the default branch has, and leaves it nothing', async () => {
    const directory = temporaryFolder()
    await build(directory)
    const index = readFileSync(indexIn(directory))
    const first = await build(directory, { refs: [pull, main], steps: [...steps, 'evil'] }, [...steps, 'evil'])
    expect(first.restored.images).toBe(3)
    expect(readFileSync(indexIn(directory))).toStrictEqual(index)
    const again = await start(directory, { refs: [pull, main], steps: [...steps, 'evil'] })
    expect(namesOf(again.images).sort()).toStrictEqual(['1', '2', '3', 'base', 'evil'])
    await again.cache.close()
    const next = await start(directory, { steps: [...steps, 'evil'] })
    expect(namesOf(next.images).sort()).toStrictEqual(['1', '2', '3', 'base'])
    await leave(next)
    // Nor is it gone.
    expect((await build(directory, { refs: [pull, main], steps: ['evil'] })).restored.images).toBe(1)
  })

  it('none deletes what another still uses, and what nobody has used for too long goes with its index', async () => {
    const directory = temporaryFolder()
    const later = { now: NOW + 2 * DAY }
    await build(directory, { refs: [other, main] }, ['x'])
    await build(directory, {}, ['1'])
    await build(directory, { refs: [pull, main], limits: later }, ['y'])
    expect(readdirSync(join(folderIn(directory), 'indexes'))).toStrictEqual([indexPath(pull)])
    const left = await start(directory, { refs: [pull, main], steps: ['1', 'x', 'y'], limits: later })
    expect(namesOf(left.images).sort()).toStrictEqual(['base', 'y'])
    expect(readdirSync(join(folderIn(directory), 'aside'))).toStrictEqual([])
    await left.cache.close()
  })

  it('cache-max-size is that of all of them: what was used last stays', async () => {
    const directory = temporaryFolder()
    const limits = { maxBytes: 4000 }
    await build(directory, { limits, steps: [] }, ['1'])
    await build(directory, { refs: [other, main], limits: { ...limits, now: NOW + 1 }, steps: ['1'] }, ['1', 'x'])
    await build(directory, { refs: [pull, main], limits: { ...limits, now: NOW + 2 }, steps: ['1'] }, ['1', 'y', 'z'])
    const seen = await start(directory, { refs: [other, main], steps: ['1', 'x'], limits })
    expect(namesOf(seen.images).sort()).toStrictEqual(['1', 'base'])
    await seen.cache.close()
    const all = await start(directory, { refs: [pull, main], steps: ['1', 'y', 'z'], limits })
    expect(namesOf(all.images).sort()).toStrictEqual(['1', 'base', 'y', 'z'])
    await all.cache.close()
  })
})

/** Every plain file below a folder, without the lock. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => lstatSync(path).isFile() && !path.endsWith('/lock'))
    .sort()
}

describe('nothing is used that isn’t what was kept', () => {
  it('of any bit that flips in any file, and the build begins with the rest', async () => {
    const directory = temporaryFolder()
    await build(directory)
    const files = filesIn(folderIn(directory))
    expect(files.length).toBeGreaterThan(12)
    const place = fc.tuple(fc.nat(), fc.nat(), fc.nat(7))
    await fc.assert(
      fc.asyncProperty(place, async ([file, at, bit]) => {
        const copy = temporaryFolder()
        cpSync(directory, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
        const path = filesIn(folderIn(copy))[file % files.length] ?? ''
        const content = readFileSync(path)
        const byte = at % Math.max(content.length, 1)
        content[byte] = (content[byte] ?? 0) ^ (1 << bit)
        writeFileSync(path, content)
        const { warm, layers, images, isOwn, cache } = await start(copy)
        expect(isOwn).toBe(true)
        expectRight(warm, layers, images)
        expect(warm.restored.failures.length).toBeLessThan(2)
        await cache.close()
        rmSync(copy, { recursive: true })
      }),
      runs(5),
    )
  }, 3_600_000)

  it('a layer that has changed goes with what stands on it, and is there again after the next build', async () => {
    const directory = temporaryFolder()
    const { warm } = await build(directory)
    chmodSync(join(warm.root, 'overlay', hex('2'), 'diff/etc', hex('2').slice(0, 6)), 0o4755)
    const next = await start(directory)
    expect(namesOf(next.images).sort()).toStrictEqual(['1', 'base'])
    expectRight(next.warm, next.layers, next.images)
    expect(next.warm.restored.failures).toStrictEqual([expect.stringContaining('1 of the layers and images in')])
    await leave(next)
    const healed = await start(directory)
    expect(namesOf(healed.images).sort()).toStrictEqual(['1', '2', '3', 'base'])
    expect(healed.warm.restored.failures).toStrictEqual([])
    await healed.cache.close()
  })

  it('an index with another digest behind it', async () => {
    const directory = temporaryFolder()
    await build(directory)
    const file = indexIn(directory)
    writeFileSync(file, readFileSync(file, 'utf8').replace('"diff-size":1000', '"diff-size":1001'))
    const next = await start(directory)
    expect(next.warm.restored.failures).toStrictEqual(["skipping the index: its content doesn't match its digest"])
    expect(next.images).toStrictEqual([])
    await next.cache.close()
  })
})

describe('nothing is waited for', () => {
  it('a pipe in the place of an index, of records, of a manifest, of a lock', async () => {
    const directory = temporaryFolder()
    await build(directory)
    const folder = folderIn(directory)
    const paths = [
      ...['root/overlay-layers/layers.json', 'root/overlay-images/images.json', `root/overlay/${hex('1')}/link`],
      ...[`root/overlay-images/${hex('i:3')}/manifest`, 'lock'],
    ]
    for (const path of paths.map((name) => join(folder, name))) {
      rmSync(path, { force: true })
      execFileSync('mkfifo', [path])
      // As long ago as a lock that nobody holds any more.
      utimesSync(path, 0, 0)
    }
    const next = await start(directory)
    expect(namesOf(next.images).sort()).toStrictEqual(['1', '2', 'base'])
    await leave(next)
    rmSync(indexIn(directory))
    execFileSync('mkfifo', [indexIn(directory)])
    const cold = await start(directory)
    expect(cold.warm.restored.failures).toStrictEqual([
      expect.stringMatching(/^skipping the index: .* not a regular file$/),
    ])
    await leave(cold)
  }, 20_000)
})

describe('a build that could do nothing with what came back', () => {
  it('gets an empty root, and leaves what it has made alone', async () => {
    const directory = temporaryFolder()
    await build(directory)
    await build(directory, { refs: [pull, main], steps: [...steps, 'p'] }, [...steps, 'p'])
    const puzzled = await start(directory)
    await puzzled.warm.clear?.()
    expect(await readContents(puzzled.warm.root, 'overlay-root')).toStrictEqual({ layers: [], images: [] })
    expect(readdirSync(join(puzzled.warm.root, 'overlay-images'))).toStrictEqual(['images.json'])
    await leave(puzzled, ['1', '2'])
    const healed = await start(directory)
    expect(namesOf(healed.images).sort()).toStrictEqual(['1', '2', 'base'])
    expectRight(healed.warm, healed.layers, healed.images)
    await leave(healed)
    const theirs = await start(directory, { refs: [pull, main], steps: [...steps, 'p'] })
    expect(namesOf(theirs.images).sort()).toStrictEqual(['1', '2', '3', 'base', 'p'])
    await theirs.cache.close()
  })

  it('has nothing to clear where nothing came back', async () => {
    const { warm, cache } = await start(temporaryFolder())
    expect(warm.clear).toBeUndefined()
    await cache.close()
  })
})

it('a folder in the place of an index is no reason to keep nothing', async () => {
  const directory = temporaryFolder()
  mkdirSync(indexIn(directory), { recursive: true })
  await build(directory)
  expect((await build(directory)).restored.images).toBe(3)
})
