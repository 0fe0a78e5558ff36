import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { formatIndex, type Index, parseIndex } from '../../../../src/cache/containers-storage/index.js'
import { planSave } from '../../../../src/cache/backends/archives-save.js'
import { containersStorage } from '../../../../src/cache/containers-storage/snapshot.js'
import type { Run, Saved } from '../../../../src/cache/cache.js'
import type { SaveJob, SavePlan } from '../../../../src/cache/snapshot.js'
import { indexPath, partKey, partPath } from '../../../../src/cache/key.js'
import { packMounts } from '../../../../src/cache/containers-storage/cache-mounts.js'
import type { RecordedStep } from '../../../../src/dockerfile/recorded-steps.js'
import type { Workplace } from '../../../../src/cache/containers-storage/restore.js'
import { fakeClock } from '../../fake-clock.js'
import { temporaryFolder } from '../../helpers.js'
import {
  bigLayerOf,
  DAY,
  grow,
  hex,
  imageOf,
  jobOf,
  layerOf,
  type MemoryEntries,
  namesOf,
  NOW,
  emptyPlace,
  saveFrom,
  writeMount,
} from '../fixtures.js'

const MINUTE = 60_000

let entries: MemoryEntries
let place: Workplace
let root: string

beforeEach(async () => {
  ;({ entries, place, root } = await emptyPlace())
  grow(
    root,
    [bigLayerOf('base'), layerOf('1', 'base'), layerOf('2', '1')],
    [imageOf('base', 'base', ['docker.io/library/alpine:3.20']), imageOf('1', '1'), imageOf('2', '2')],
  )
})

const step = (name: string, hit = false): RecordedStep => ({
  ...{ image: hex(`i:${name}`), key: hex(`k${name}`), content: undefined, hit, seconds: 3 },
})
/** Of a job and of its run. */
type Changes = Partial<Omit<SaveJob, 'run'> & Run>

const jobWith = ({ steps = [step('1'), step('2')], pushed, ...changes }: Changes = {}): SaveJob =>
  jobOf({ storage: place.store, root, run: { steps, pushed }, ...changes })

const planOf = async (changes: Changes): Promise<SavePlan<Index>> =>
  await planSave(await containersStorage(place.store, new Map()), jobWith(changes), place.stagingDir)

interface Outcome extends Saved {
  readonly plan: SavePlan<unknown>
  readonly written: boolean
  readonly index: Index
}

/** A run of its own, with what the one before it has written. */
async function run(changes: Changes = {}, deadlineMs = MINUTE): Promise<Outcome> {
  const before = indexKeys().length
  const saved = await saveFrom(jobWith({ ...changes, deadlineMs }), place)
  return { ...saved, written: indexKeys().length > before, index: newestIndex() }
}

const indexKeys = () => [...entries.stored.keys()].filter((key) => key.includes('-i-'))
const partKeys = () => [...entries.stored.keys()].filter((key) => key.includes('-p-'))
const EMPTY: Index = {
  ...{ buildah: '', layout: 'overlay-root', parts: [], layers: [], images: [] },
  ...{ mounts: undefined, pushed: [], memory: [] },
}

function newestIndex(): Index {
  const content = entries.stored.get(indexKeys().at(-1) ?? '')?.content
  return content === undefined ? EMPTY : parseIndex(content.toString())
}

describe('a first run', () => {
  it('keeps everything: the large layer alone, the rest together, then the index', async () => {
    const { parts, bytes, written, failures, index } = await run()
    expect({ parts, written, failures }).toStrictEqual({ parts: 2, written: true, failures: [] })
    expect(entries.stores.at(-1)).toContain('-i-scope-')
    expect(partKeys()).toHaveLength(2)
    expect(bytes).toBe(index.parts.reduce((sum, part) => sum + part.bytes, 0))
    const sizes = partKeys().map((key) => entries.stored.get(key)?.content.length)
    expect(index.parts.map((part) => part.bytes).sort()).toStrictEqual(sizes.sort())
    expect(namesOf(index.images)).toStrictEqual(['base', '1', '2'])
    expect(namesOf(index.layers)).toStrictEqual(['base', '1', '2'])
    expect(index.images.map(({ key, used, seconds }) => [key, used, seconds])).toStrictEqual([
      [undefined, NOW, 0],
      [hex('k1'), NOW, 3],
      [hex('k2'), NOW, 3],
    ])
    expect([index.buildah, index.layout]).toStrictEqual(['1.33.7', 'overlay-root'])
  })

  it('leaves nothing of it on the desk but the index', async () => {
    await run()
    expect(readdirSync(place.stagingDir)).toStrictEqual([indexPath('refs/heads/main')])
    expect(readdirSync(join(place.store.folder, 'parts'))).toStrictEqual([])
  })

  it('stays below the number of uploads that is asked for, with ten large steps', async () => {
    const layers = Array.from({ length: 10 }, (_, at) => bigLayerOf(`s${at}`, at === 0 ? 'base' : `s${at - 1}`))
    const images = layers.map((_, at) => imageOf(`s${at}`, `s${at}`))
    grow(root, layers, images)
    const { index } = await run({ steps: images.map((_, at) => step(`s${at}`)) })
    expect(entries.stores.length).toBeLessThanOrEqual(12)
    expect(index.images).toHaveLength(11)
  })

  it('writes no index that knows nothing where nothing was built', async () => {
    rmSync(root, { recursive: true })
    const { plan, written } = await run({ steps: [] })
    expect([plan.isDue, written]).toStrictEqual([false, false])
    expect(entries.stores).toStrictEqual([])
  })

  it('keeps what a failed build has finished', async () => {
    const { index } = await run({ steps: [step('1')] })
    expect(namesOf(index.images)).toStrictEqual(['base', '1'])
    expect(namesOf(index.layers)).toStrictEqual(['base', '1'])
  })
})

it('asks for nothing after its time, and leaves some of it to the index', async () => {
  const ends: [key: string, end: number][] = []
  const started = Date.now()
  const store = entries.store.bind(entries)
  entries.store = (key, path, deadlineMs) => {
    ends.push([key, Date.now() + (deadlineMs ?? Infinity) - started])
    return store(key, path, deadlineMs)
  }
  expect((await run({}, 40_000)).written).toBe(true)
  const [parts, indexes] = [/-p-/, /-i-/].map((kind) => ends.filter(([key]) => kind.test(key)).map(([, end]) => end))
  expect(Math.max(...(parts ?? []))).toBeLessThan(31_000)
  expect(Math.max(...(indexes ?? []))).toBeLessThan(41_000)
  expect([parts?.length, indexes?.length]).toStrictEqual([2, 1])
})

describe('a later run', () => {
  const later = { unique: '2-1-b' }
  const indexes = async () => [formatIndex((await run()).index)]

  it('stores nothing when nothing is new', async () => {
    const before = await indexes()
    const calls = entries.stores.length
    const { plan, parts, written, failures } = await run({
      ...later,
      indexes: before,
      steps: [step('1', true), step('2', true)],
    })
    expect(plan.isDue).toBe(false)
    expect({ parts, written, failures }).toStrictEqual({ parts: 0, written: false, failures: [] })
    expect(entries.stores).toHaveLength(calls)
  })

  it('stores what is new, and nothing else', async () => {
    const before = await indexes()
    const known = partKeys()
    grow(root, [layerOf('3', '1')], [imageOf('3', '3')])
    const { parts, index } = await run({ ...later, indexes: before, steps: [step('1', true), step('3')] })
    expect(parts).toBe(1)
    expect(partKeys()).toHaveLength(known.length + 1)
    expect(namesOf(index.images)).toStrictEqual(['base', '1', '3', '2'])
    expect(index.parts).toHaveLength(3)
  })

  it('writes the index again for a push of which Buildah has learnt something, once', async () => {
    const before = await indexes()
    const hits = { steps: [step('1', true), step('2', true)], pushed: hex('push') }
    const { parts, written, index } = await run({ ...later, ...hits, indexes: before })
    expect({ parts, written }).toStrictEqual({ parts: 0, written: true })
    expect(index.pushed).toStrictEqual([hex('push')])
    const again = await planOf({ ...hits, indexes: [formatIndex(index)] })
    expect(again.isDue).toBe(false)
  })

  it.each([
    [3.4, false],
    [3.6, true],
    [6.9, true],
  ])('says again that things are used, after half of their time: after %d days of seven: %s', async (days, isDue) => {
    const before = await indexes()
    const now = NOW + days * DAY
    const hits = [step('1', true), step('2', true)]
    const limits = { ...jobWith().limits, now }
    expect((await planOf({ ...later, steps: hits, indexes: before, limits })).isDue).toBe(isDue)
  })

  it('keeps the memory of the last twenty pushes', async () => {
    let before = await indexes()
    for (let number = 0; number < 22; number++) {
      const { index } = await run({ unique: `${number}`, pushed: hex(`push${number}`), indexes: before })
      before = [formatIndex(index)]
    }
    const { pushed } = newestIndex()
    expect(pushed).toHaveLength(20)
    expect(pushed[0]).toBe(hex('push21'))
  })

  it('takes over what it used of another branch, and stores none of its parts again', async () => {
    const main = await indexes()
    const calls = entries.stores.length
    const { parts, written, index } = await run({ ...later, ref: 'refs/heads/topic', indexes: main, pushed: hex('p') })
    expect({ parts, written }).toStrictEqual({ parts: 0, written: true })
    expect(entries.stores).toHaveLength(calls + 1)
    expect(index.parts).toHaveLength(2)
  })

  it('counts a part once that two branches have, so that it needn’t go for its size', async () => {
    const main = await indexes()
    const bytes = newestIndex().parts.reduce((sum, part) => sum + part.bytes, 0)
    const limits = { ...jobWith().limits, maxBytes: Math.floor(bytes * 1.5) }
    const { index } = await run({ ...later, indexes: [...main, ...main], limits, pushed: hex('push') })
    expect(namesOf(index.images)).toStrictEqual(['base', '1', '2'])
  })

  it('drops what is too much, and its parts', async () => {
    const before = await indexes()
    const [, rest] = newestIndex().parts.map(({ bytes }) => bytes)
    const { index } = await run({
      ...later,
      indexes: before,
      pushed: hex('p'),
      limits: { ...jobWith().limits, maxBytes: rest ?? 0 },
    })
    expect(index.images).toStrictEqual([])
    expect(index.parts).toStrictEqual([])
  })
})

describe('trouble', () => {
  it('with the time: nothing goes up, and that is said', async () => {
    const { parts, failures } = await run({}, 0)
    expect(parts).toBe(0)
    expect(failures).toEqual(['not everything was saved within 0 s'])
    expect(partKeys()).toStrictEqual([])
    // An index of nothing new is of no use, and one that names what isn't there would be a lie.
    expect(newestIndex().images).toStrictEqual([])
  })

  it('with the time, in a later run: what was there before is still in the index', async () => {
    const before = formatIndex((await run()).index)
    grow(root, [layerOf('3', '1')], [imageOf('3', '3')])
    const { index } = await run({ unique: 'b', indexes: [before], steps: [step('1', true), step('3')] }, 0)
    expect(namesOf(index.images)).toStrictEqual(['base', '1', '2'])
  })

  it('with one part: what stands on it is left out, the rest is kept', async () => {
    // The only key that is refused is that of the large layer, which everything stands on.
    grow(root, [bigLayerOf('large', '2')], [imageOf('large', 'large')])
    await run({ steps: [step('1'), step('2')] })
    const known = new Set(partKeys())
    entries.stored.clear()
    entries.refuses = (key) => key.includes('-p-') && !known.has(key)
    const { index, failures, written } = await run({ steps: [step('1'), step('2'), step('large')] })
    expect(written).toBe(true)
    expect(failures).toHaveLength(1)
    expect(namesOf(index.images)).not.toContain('large')
    for (const { part } of [...index.layers, ...index.images]) expect(entries.stored.has(partKey(part))).toBe(true)
  })

  it('with a name that an upload blocks which was cut off: another is taken', async () => {
    await run()
    const blocked = partKeys()
    entries.stored.clear()
    for (const key of blocked) entries.blocked.add(key)
    place = { ...place, clock: fakeClock() }
    const { parts, failures, index } = await run({ unique: '2-1-b' })
    expect({ parts, failures }).toStrictEqual({ parts: 2, failures: [] })
    expect(partKeys().sort()).toStrictEqual(blocked.map((key) => `${key}-2-1-b`).sort())
    for (const { sha256 } of index.parts) {
      expect(await entries.has(partKey(sha256), partPath(sha256))).toBe(true)
    }
  })

  it('with a name under which another job is just storing the same: that is waited for, and nothing is sent twice', async () => {
    await run()
    const others = [...entries.stored].filter(([key]) => key.includes('-p-'))
    entries.stored.clear()
    for (const [key] of others) entries.blocked.add(key)
    const clock = fakeClock(() => {
      for (const [key, entry] of others) entries.stored.set(key, entry)
    })
    place = { ...place, clock }
    const { failures, written } = await run({ unique: '2-1-b' })
    expect({ failures, written }).toStrictEqual({ failures: [], written: true })
    expect(clock.waits.length).toBeGreaterThan(0)
    expect(partKeys().sort()).toStrictEqual(others.map(([key]) => key).sort())
  })

  it('with a part that another job has stored meanwhile: it is the same, and counts', async () => {
    await run()
    const stored = partKeys().length
    const { index, failures } = await run({ unique: '2-1-b' })
    expect(partKeys()).toHaveLength(stored)
    expect(failures).toStrictEqual([])
    expect(namesOf(index.images)).toStrictEqual(['base', '1', '2'])
  })

  it('with the index: that is said, and nothing throws', async () => {
    entries.refuses = (key) => key.includes('-i-')
    const { written, failures } = await run()
    expect(written).toBe(false)
    expect(failures).toEqual([expect.stringContaining('index')])
  })

  it('with a layer whose files are gone: the rest is kept', async () => {
    grow(root, [bigLayerOf('large', '2')], [imageOf('large', 'large')])
    rmSync(join(root, 'overlay', hex('large'), 'diff'), { recursive: true })
    const { index, failures } = await run({ steps: [step('1'), step('2'), step('large')] })
    expect(failures).toStrictEqual([])
    expect(namesOf(index.images)).toStrictEqual(['base', '1', '2'])
  })
})

describe('cache mounts', () => {
  it('are kept where they are asked for', async () => {
    writeMount(place.store, 'go', 'content')
    expect((await run()).index.mounts).toBeUndefined()
    const { parts, index } = await run({ unique: 'b', mounts: true })
    expect(index.mounts).toMatch(/^[0-9a-f]{64}$/)
    expect(index.parts.map(({ sha256 }) => sha256)).toContain(index.mounts)
    expect(parts).toBeGreaterThan(0)
  })

  it('are not stored again where they are as they were, and are not counted', async () => {
    writeMount(place.store, 'go', 'content')
    const { index } = await run({ mounts: true })
    const calls = entries.stores.length
    const hits = [step('1', true), step('2', true)]
    const again = await run({ unique: 'b', mounts: true, indexes: [formatIndex(index)], steps: hits })
    expect(entries.stores).toHaveLength(calls)
    expect(again.written).toBe(false)
    expect({ parts: again.parts, bytes: again.bytes }).toStrictEqual({ parts: 0, bytes: 0 })
  })

  it('are stored where they have changed, and the old ones forgotten', async () => {
    writeMount(place.store, 'go', 'content')
    const { index } = await run({ mounts: true })
    writeMount(place.store, 'go', 'changed')
    const hits = [step('1', true), step('2', true)]
    const after = await run({ unique: 'b', mounts: true, indexes: [formatIndex(index)], steps: hits })
    expect(after.written).toBe(true)
    expect(after.index.mounts).not.toBe(index.mounts)
    expect(after.index.parts.map(({ sha256 }) => sha256)).not.toContain(index.mounts)
  })

  it('are nothing where no step has any', async () => {
    expect(await packMounts(place.tools, place.store, join(temporaryFolder(), 'x'))).toBe(false)
    expect((await run({ mounts: true })).index.mounts).toBeUndefined()
  })
})
