import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Restorable } from '../../../../src/cache/containers-storage/select.js'
import { isSettled } from '../../../../src/cache/containers-storage/stamps.js'
import { findTools } from '../../../../src/cache/containers-storage/archive.js'
import {
  checkSeals,
  type Sealed,
  sealFolder,
  sealImage,
  sealLayers,
} from '../../../../src/cache/containers-storage/seals.js'
import { isExhaustive } from '../../../harness/test-set.js'
import { temporaryFolder } from '../../helpers.js'
import { grow, hex, imageOf, layerOf, storeOf } from '../fixtures.js'

const names = ['a', 'b', 'c']
let place: Sealed
let restorable: Restorable

const damagedOf = async (some: Restorable, there: Sealed) => (await checkSeals(some, Date.now(), there)).damaged

beforeAll(async () => {
  const store = storeOf()
  const tools = await findTools(store)
  if (typeof tools === 'string') throw new Error(tools)
  place = { root: temporaryFolder(), store, tools }
  const layers = names.map((name) => layerOf(name))
  const images = names.map((name) => imageOf(name, name))
  grow(place.root, layers, images)
  writeFileSync(fileOf(place.root, 'c'), Buffer.alloc(5000, 'c'))
  // A time that a test can give back.
  execFileSync('find', [place.root, '-exec', 'touch', '-h', '-d', '@0', '{}', '+'])
  const seals = await sealLayers(names.map(hex), 3000, place)
  restorable = {
    layers: layers.map((record) => ({ record, part: '', seal: seals.get(record.id) ?? '' })),
    images: await Promise.all(
      images.map(async (record) => ({
        ...{ record, part: '', key: hex('k'), content: undefined, used: 0, seconds: 0 },
        seal: (await sealImage(record.id, place)) ?? '',
      })),
    ),
  }
})

/** When what a test has just written lies far enough back. */
const LATER = Date.now() + 3_600_000

/** A copy of all that has stamps now. */
async function stampedCopy(): Promise<{ root: string; offered: Restorable }> {
  const root = temporaryFolder()
  execFileSync('cp', ['-a', `${place.root}/.`, root])
  const { restorable: offered } = await checkSeals(restorable, LATER - 1000, { ...place, root })
  expect(offered.layers.map(({ stamp }) => stamp?.read)).toStrictEqual([LATER - 1000, LATER - 1000, LATER - 1000])
  return { root, offered }
}

const fileOf = (root: string, name: string) => join(root, 'overlay', hex(name), 'diff/etc', hex(name).slice(0, 6))
const imageIn = (root: string, name: string) => join(root, 'overlay-images', hex(`i:${name}`))

describe('seals', () => {
  it('are what they were while nothing changes, whoever has read it meanwhile', async () => {
    readFileSync(fileOf(place.root, 'a'))
    expect(await damagedOf(restorable, place)).toStrictEqual(new Set())
  })

  it('are made for what has none yet, and for nothing that is gone', async () => {
    const [a, b] = ['a', 'b'].map((name) => restorable.layers.find(({ record }) => record.id === hex(name)))
    const bare = [layerOf('a'), layerOf('nothing')].map((record) => ({ record, part: '' }))
    const checked = await checkSeals({ layers: bare.slice(0, 1), images: [] }, Date.now(), place)
    expect(checked).toStrictEqual({ restorable: { layers: [a], images: [] }, damaged: new Set() })
    expect(a?.seal).not.toBe(b?.seal)
    expect((await checkSeals({ layers: bare, images: [] }, Date.now(), place)).damaged).toContain(hex('nothing'))
    await expect(sealLayers([hex('nothing')], 0, place)).rejects.toThrow('could not compute the digests of all layers')
  })

  it('leave nothing in the folder of the build', () => {
    expect(readdirSync(join(place.store.folder, 'parts'))).toStrictEqual([])
  })

  it('of a folder are of all in it', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'file'), '1')
    const before = await sealFolder(folder, place)
    expect(before).toMatch(/^[0-9a-f]{64}$/)
    writeFileSync(join(folder, 'file'), '2')
    expect(await sealFolder(folder, place)).not.toBe(before)
    expect(await sealFolder(join(folder, 'nothing'), place)).toBeUndefined()
  })

  const harms: readonly (readonly [what: string, damaged: readonly string[], harm: (root: string) => void])[] = [
    [
      'a mode',
      ['a'],
      (root) => {
        chmodSync(fileOf(root, 'a'), 0o4755)
      },
    ],
    [
      'a file more',
      ['a'],
      (root) => {
        writeFileSync(`${fileOf(root, 'a')}-`, '')
      },
    ],
    [
      'a file less',
      ['a'],
      (root) => {
        rmSync(fileOf(root, 'a'))
      },
    ],
    [
      'a link in the place of a file',
      ['a'],
      (root) => {
        symlinkTo('/etc/passwd', fileOf(root, 'a'))
      },
    ],
    [
      'a pipe in the place of a file',
      ['a'],
      (root) => {
        pipeAt(fileOf(root, 'a'))
      },
    ],
    [
      'a link in the place of a layer',
      ['a'],
      (root) => {
        symlinkTo(dirname(fileOf(root, 'b')), dirname(fileOf(root, 'a')))
      },
    ],
    [
      'a pipe in the place of an archive’s record',
      ['a'],
      (root) => {
        pipeAt(join(root, 'overlay-layers', `${hex('a')}.tar-split.gz`))
      },
    ],
    [
      'a pipe beside an image',
      ['i:a'],
      (root) => {
        pipeAt(join(imageIn(root, 'a'), 'signature'))
      },
    ],
    [
      'a pipe for a manifest',
      ['i:a'],
      (root) => {
        pipeAt(join(imageIn(root, 'a'), 'manifest'))
      },
    ],
    [
      'a file without an end for a manifest',
      ['i:a'],
      (root) => {
        symlinkTo('/dev/zero', join(imageIn(root, 'a'), 'manifest'))
      },
    ],
  ]
  const symlinkTo = (target: string, path: string) => {
    rmSync(path, { recursive: true, force: true })
    symlinkSync(target, path)
  }
  const pipeAt = (path: string) => {
    rmSync(path, { force: true })
    execFileSync('mkfifo', [path])
  }

  it.each(harms)('find %s', async (_, damaged, harm) => {
    const root = temporaryFolder()
    execFileSync('cp', ['-a', `${place.root}/.`, root])
    harm(root)
    expect([...(await damagedOf(restorable, { ...place, root }))]).toStrictEqual(damaged.map(hex))
  })

  it.each(harms)('find %s in what has a stamp', async (_, damaged, harm) => {
    const { root, offered } = await stampedCopy()
    harm(root)
    expect([...(await checkSeals(offered, LATER, { ...place, root })).damaged]).toStrictEqual(damaged.map(hex))
  })

  it('find what was written to a file that got its time back, where it has a stamp', async () => {
    const { root, offered } = await stampedCopy()
    writeFileSync(fileOf(root, 'c'), Buffer.alloc(5000, 'd'))
    utimesSync(fileOf(root, 'c'), 0, 0)
    expect([...(await checkSeals(offered, LATER, { ...place, root })).damaged]).toStrictEqual([hex('c')])
  })

  // Without a program that makes digests, whatever has to be read counts as damaged.
  const unreadable = (root: string): Sealed => ({ ...place, root, tools: { ...place.tools, digester: 'false' } })

  it('of what has a stamp are not made again, for a day', async () => {
    const { root, offered } = await stampedCopy()
    const again = await checkSeals(offered, LATER, unreadable(root))
    expect(again).toStrictEqual({ restorable: offered, damaged: new Set() })
    const nextDay = await checkSeals(offered, LATER + 24 * 3_600_000, unreadable(root))
    expect(nextDay.damaged).toStrictEqual(new Set(names.map(hex)))
    const before = await checkSeals(offered, LATER - 60_000, unreadable(root))
    expect(before.damaged).toStrictEqual(new Set(names.map(hex)))
  })

  it('are made again where a stamp is another', async () => {
    const { root, offered } = await stampedCopy()
    const layers = offered.layers.map((layer) => ({ ...layer, stamp: { digest: hex('other'), read: LATER } }))
    expect((await checkSeals({ layers, images: [] }, LATER, unreadable(root))).damaged.size).toBe(3)
    const { restorable: read, damaged } = await checkSeals({ layers, images: [] }, LATER, { ...place, root })
    expect(damaged.size).toBe(0)
    expect(read.layers.map(({ stamp }) => stamp?.digest)).toStrictEqual(
      offered.layers.map(({ stamp }) => stamp?.digest),
    )
  })

  it('of what has changed in the last moments get no stamp', async () => {
    const root = temporaryFolder()
    execFileSync('cp', ['-a', `${place.root}/.`, root])
    const times = readdirSync(root, { recursive: true, encoding: 'utf8' }).map(
      (path) => lstatSync(join(root, path)).ctimeMs,
    )
    const { restorable: offered } = await checkSeals(restorable, Math.min(...times), { ...place, root })
    expect(offered.layers.map(({ stamp }) => stamp)).toStrictEqual([undefined, undefined, undefined])
  })

  it.each([
    ['two ticks ago', ['100.5'], 100_600, true],
    ['within a tick', ['100.5'], 100_520, false],
    ['a second ago, where another one of that second could have the same time', ['100'], 101_000, false],
    ['three seconds ago, where times have no fractions', ['99', '100'], 103_000, true],
    ['last of several', ['90.25', '100.5', '80.5'], 100_500, false],
  ])('can be told from a change that came %s', (_, times, now, expected) => {
    const listing = times.map((time) => `${time} 7 f 644\0`).join('')
    expect(isSettled(Buffer.from(listing), now)).toBe(expected)
  })

  it('find any bit that flips', async () => {
    const root = temporaryFolder()
    execFileSync('cp', ['-a', `${place.root}/.`, root])
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
      .map((path) => join(root, path))
      .filter((path) => lstatSync(path).isFile() && !path.endsWith('s.json'))
      .sort()
    expect(files).toHaveLength(9)
    await fc.assert(
      fc.asyncProperty(fc.nat(8), fc.nat(), fc.nat(7), async (file, at, bit) => {
        const path = files[file] ?? ''
        const [whole, flipped] = [readFileSync(path), readFileSync(path)]
        const byte = at % whole.length
        flipped[byte] = (whole[byte] ?? 0) ^ (1 << bit)
        writeFileSync(path, flipped)
        utimesSync(path, 0, 0)
        const damaged = await damagedOf(restorable, { ...place, root })
        writeFileSync(path, whole)
        utimesSync(path, 0, 0)
        expect(damaged.size).toBe(1)
        expect(path).toContain([...damaged][0])
      }),
      isExhaustive ? { numRuns: 10_000, seed: Date.now() } : { numRuns: 12, seed: 20_261_130 },
    )
  }, 3_600_000)
})
