import { createHash } from 'node:crypto'
import { expect, it } from '@jest/globals'

import type { ContainersStorage, OciLayout } from '../../src/build-storage.js'
import type { Cache, RestoredStorage, Run, Saved } from '../../src/cache/cache.js'
import type { RecordedStep } from '../../src/dockerfile/recorded-steps.js'

/** A place that jobs leave their steps in, and builds that leave some. */
export interface CacheWorld {
  /** The cache of another job. */
  open(access: Access): Cache
  storage(): ContainersStorage | OciLayout
  /** An empty folder. */
  root(): string
  /** Has a build leave these steps in a root; what is there already stays. */
  build(root: string, steps: readonly string[]): void
  /** Whether a build changes its root also where nothing is saved of it. */
  readonly isAlwaysBuiltIn: boolean
}

interface Access {
  readonly read: boolean
  readonly write: boolean
}

const ALL = { read: true, write: true }
const NAMES = ['one', 'two', 'three']

/** What the pipeline takes for granted of a cache: every real one has it, and so has the fake of the unit tests. */
export function cacheContract(make: () => CacheWorld): void {
  const restoredIn = async (world: CacheWorld, access: Access = ALL) =>
    await inJob(world, access, ({ restored }) => Promise.resolve(restored))

  it('has nothing at first, and then what the last run has left, with the time that it took', async () => {
    const world = make()
    const nothing = { images: 0, parts: 0, bytes: 0, failures: [] }
    expect(await restoredIn(world)).toMatchObject(nothing)
    await leave(world, ['one', 'two'])
    const { images, stepSeconds, failures } = await restoredIn(world)
    expect([images, failures]).toStrictEqual([2, []])
    expect(stepSeconds).toStrictEqual(new Map([keyOf('one'), keyOf('two')].map((key) => [key, 3])))
  })

  it('is not read by who may not, and not written by who may not', async () => {
    const world = make()
    await leave(world, ['one'])
    await inJob(world, { ...ALL, write: false }, async (storage) => {
      if (world.isAlwaysBuiltIn) world.build(storage.root, ['one', 'two'])
      expect(await storage.save(runOf(['one', 'two'], storage))).toMatchObject({ parts: 0, failures: [] })
    })
    expect((await restoredIn(world)).images).toBe(1)
    expect(await restoredIn(world, { ...ALL, read: false })).toMatchObject({ images: 0, failures: [] })
  })

  it('can be cleared where something came back', async () => {
    const world = make()
    const canClear = () => inJob(world, ALL, ({ clear }) => Promise.resolve(clear !== undefined))
    expect(await canClear()).toBe(false)
    await leave(world, ['one'])
    expect(await canClear()).toBe(true)
  })

  it('keeps build records, of who may write, for who may read', async () => {
    const world = make()
    const of = ({ read = true, write = true }: Partial<Access> = {}) => world.open({ read, write }).records
    expect(await of().read()).toBeUndefined()
    expect(await of({ write: false }).write('x')).toBe(false)
    expect(await of().read()).toBeUndefined()
    expect(await of().write('one')).toBe(true)
    expect(await of().write('two')).toBe(true)
    expect(await of().read()).toBe('two')
    expect(await of({ read: false }).read()).toBeUndefined()
  })
}

/** Has a job of its own restore what there is. */
export async function inJob<T>(
  world: CacheWorld,
  access: Access,
  work: (storage: RestoredStorage) => Promise<T>,
): Promise<T> {
  const cache = world.open(access)
  const keys = new Map(NAMES.map((name) => [keyOf(name), undefined]))
  const storage = await cache.restore(world.storage(), keys, world.root())
  return await work(storage).finally(() => cache.close())
}

/** Has a job of its own build these steps, and save them. */
export async function leave(world: CacheWorld, steps: readonly string[], access: Access = ALL): Promise<Saved> {
  return await inJob(world, access, async (storage) => {
    world.build(storage.root, steps)
    const saved = await storage.save(runOf(steps, storage))
    expect(saved).toMatchObject({ failures: [], later: undefined })
    return saved
  })
}

/** A run of these steps, which takes those that were restored. */
export function runOf(steps: readonly string[], { restored }: Pick<RestoredStorage, 'restored'>): Run {
  const recorded = steps.map((name): RecordedStep => {
    const key = keyOf(name)
    return { image: hex(`i:${name}`), key, content: undefined, hit: restored.stepSeconds.has(key), seconds: 3 }
  })
  return { steps: recorded, ours: [], pushed: undefined, failed: false }
}

function keyOf(name: string): string {
  return hex(`k${name}`)
}

function hex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
