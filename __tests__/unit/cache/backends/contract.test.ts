import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { openArchives } from '../../../../src/cache/backends/archives.js'
import { openDirectory } from '../../../../src/cache/backends/directory.js'
import type { Cache, RestoredStorage, Run } from '../../../../src/cache/cache.js'
import { readContents } from '../../../../src/cache/containers-storage/layout.js'
import type { CacheOptions } from '../../../../src/cache/options.js'
import type { RecordedStep } from '../../../../src/dockerfile/recorded-steps.js'
import type { ContainersStorage, OciLayout } from '../../../../src/build-storage.js'
import { temporaryFolder } from '../../helpers.js'
import { DAY, grow, hex, imageOf, layerOf, MemoryEntries, namesOf, NOW, storeOf } from '../fixtures.js'

/** What holds what builds leave. */
interface Backend {
  readonly name: string
  /** One that has nothing yet. @returns what opens it for a job */
  make(): { open: (options: CacheOptions) => Cache; damage: () => void }
}

/** What builds leave. */
interface Snapshot {
  readonly name: string
  storage(): ContainersStorage | OciLayout
  /** Whether a build changes the root also where nothing is to be saved of it. */
  readonly isAlwaysBuiltIn: boolean
  /** Has a build of these steps leave what is not there yet. */
  build(root: string, steps: readonly string[]): void
  /** The steps that a build would find. */
  stepsIn(root: string): Promise<string[]>
}

const ALL = ['one', 'two', 'three']
const [main, pull] = ['refs/heads/main', 'refs/pull/7/merge']

/** A row for each kind of backend: the fixture stands for all services that have named entries. */
const BACKENDS: readonly Backend[] = [
  {
    name: 'archives',
    make() {
      const entries = new MemoryEntries()
      let jobs = 0
      return {
        open(options) {
          entries.stagingDir = options.stagingDir
          return openArchives({ ...options, backend: 'github', entries, unique: `run-${jobs++}`, deadlineMs: 60_000 })
        },
        damage() {
          for (const key of entries.stored.keys()) if (key.includes('-p-')) entries.damage(key)
        },
      }
    },
  },
  {
    name: 'a directory',
    make() {
      const directory = temporaryFolder()
      return {
        open: (options) => openDirectory({ ...options, directory }),
        damage() {
          for (const path of filesBelow(directory))
            if (/\/root\/(overlay\/.*\/diff|one|blobs)\//.test(path)) writeFileSync(path, 'damaged')
        },
      }
    },
  },
]

const SNAPSHOTS: readonly Snapshot[] = [
  {
    name: 'containers-storage',
    storage: storeOf,
    isAlwaysBuiltIn: true,
    build(root, steps) {
      const isNew = (name: string) => !filesBelow(root).some((path) => path.includes(hex(name)))
      const layers = steps.map((name, place) => layerOf(name, steps[place - 1]))
      const images = steps.map((name) => imageOf(name, name))
      const fresh = steps.map(isNew)
      const ofFresh = <T>(list: readonly T[]) => list.filter((_, place) => fresh[place])
      grow(root, ofFresh(layers), ofFresh(images))
    },
    stepsIn: async (root) => namesOf((await readContents(root, 'overlay-root')).images),
  },
  {
    name: 'the folder of docker save',
    storage: () => ({ kind: 'blobs', layout: 'saved-image', staysInEngine: false, folder: '/unused' }),
    isAlwaysBuiltIn: false,
    build(root, steps) {
      write(join(root, 'manifest.json'), '[]')
      for (const name of steps) write(join(root, name, 'layer.tar'), name.repeat(100_000))
    },
    stepsIn: (root) => Promise.resolve(readdirSync(root).filter((name) => ALL.includes(name))),
  },
  {
    name: 'an OCI layout',
    storage: () => ({ kind: 'blobs', layout: 'oci-layout', staysInEngine: false, folder: '/unused' }),
    isAlwaysBuiltIn: false,
    build(root, steps) {
      const blobs = steps.map((name) => ({ digest: `sha256:${sha256(name)}`, size: name.length }))
      for (const name of steps) write(join(root, 'blobs/sha256', sha256(name)), name)
      write(join(root, 'index.json'), JSON.stringify({ manifests: blobs }))
    },
    stepsIn: (root) => {
      const texts = filesBelow(root).map((path) => readFileSync(path, 'utf8'))
      return Promise.resolve(texts.filter((text) => ALL.includes(text)))
    },
  },
]

const CELLS = BACKENDS.flatMap((backend) =>
  SNAPSHOTS.map((snapshot) => ({ backend, snapshot, title: `${snapshot.name} in ${backend.name}` })),
)

describe.each(CELLS)('$title', ({ backend, snapshot }) => {
  /** A runner that has nothing of the last job but what the backend holds. */
  function place() {
    const { open, damage } = backend.make()
    return {
      damage,
      async job<T>(given: Partial<CacheOptions>, work: (storage: RestoredStorage) => Promise<T>): Promise<T> {
        const stagingDir = temporaryFolder()
        const limits = { now: NOW, ttlMs: 7 * DAY, maxBytes: 2 ** 31, perKey: 1 }
        const defaults = { scope: 'scope', stagingDir, refs: [main], read: true, write: true, mounts: false, limits }
        const cache = open({ ...defaults, ...given })
        const root = join(stagingDir, 'root')
        mkdirSync(root)
        const keys = new Map(ALL.map((name) => [hex(`k${name}`), undefined]))
        const storage = await cache.restore(snapshot.storage(), keys, root)
        return await work(storage).finally(() => cache.close())
      },
    }
  }
  const seenIn = async (at: ReturnType<typeof place>, given: Partial<CacheOptions> = {}) =>
    await at.job(given, async ({ root, restored }) => {
      expect(restored.failures).toStrictEqual([])
      return (await snapshot.stepsIn(root)).sort()
    })
  const leave = async (at: ReturnType<typeof place>, steps: readonly string[], given: Partial<CacheOptions> = {}) =>
    await at.job(given, async (storage) => {
      const hits = new Set(storage.restored.stepSeconds.keys())
      snapshot.build(storage.root, steps)
      const saved = await storage.save(runOf(steps, hits))
      expect(saved).toMatchObject({ failures: [], later: undefined })
      return saved
    })

  it('has nothing at first, and then what the last run has left, with the time that it took', async () => {
    const at = place()
    expect(await seenIn(at)).toStrictEqual([])
    await leave(at, ['one', 'two'])
    expect(await seenIn(at)).toStrictEqual(['one', 'two'])
    await at.job({}, ({ restored }) => {
      const took = [hex('kone'), hex('ktwo')].map((key) => restored.stepSeconds.get(key))
      expect([restored.images, took]).toStrictEqual([2, [3, 3]])
      return Promise.resolve()
    })
  })

  it('takes what is new, and nothing twice', async () => {
    const at = place()
    await leave(at, ['one'])
    await leave(at, ['one', 'two'])
    expect(await leave(at, ['one', 'two'])).toMatchObject({ parts: 0, bytes: 0 })
    expect(await seenIn(at)).toStrictEqual(['one', 'two'])
  })

  it('is not read by who may not, and not written by who may not', async () => {
    const at = place()
    await leave(at, ['one'])
    await at.job({ write: false }, async (storage) => {
      if (snapshot.isAlwaysBuiltIn) snapshot.build(storage.root, ['one', 'two'])
      expect(await storage.save(runOf(['one', 'two'], new Set()))).toMatchObject({ parts: 0, failures: [] })
    })
    expect(await seenIn(at)).toStrictEqual(['one'])
    await at.job({ read: false }, ({ restored }) => {
      expect(restored).toMatchObject({ images: 0, failures: [] })
      return Promise.resolve()
    })
  })

  it('gives a pull request what its base has, and takes nothing of it for the base', async () => {
    const at = place()
    await leave(at, ['one'])
    await leave(at, ['one', 'two'], { refs: [pull, main] })
    expect(await seenIn(at)).toStrictEqual(['one'])
    expect(await seenIn(at, { refs: [pull, main] })).toStrictEqual(['one', 'two'])
  })

  it('is another one for another scope', async () => {
    const at = place()
    await leave(at, ['one'])
    expect(await seenIn(at, { scope: 'other' })).toStrictEqual([])
  })

  it('drops what no run has used for too long', async () => {
    const at = place()
    const limits = { now: NOW, ttlMs: 7 * DAY, maxBytes: 2 ** 31, perKey: 1 }
    await leave(at, ['one'])
    const late = { limits: { ...limits, now: NOW + 8 * DAY } }
    await leave(at, ['two'], { ...late, read: false })
    expect(await seenIn(at, late)).toStrictEqual(['two'])
  })

  it('is nothing any more for a build that could not do with it, and has what that leaves instead', async () => {
    const at = place()
    await leave(at, ['one', 'two'])
    await at.job({}, async (storage) => {
      const { root } = storage
      await storage.clear?.()
      expect(await snapshot.stepsIn(root)).toStrictEqual([])
      snapshot.build(root, ['three'])
      expect((await storage.save(runOf(['three'], new Set()))).failures).toStrictEqual([])
    })
    expect(await seenIn(at)).toStrictEqual(['three'])
  })

  it('has nothing to clear where nothing came back', async () => {
    await place().job({}, ({ clear }) => {
      expect(clear).toBeUndefined()
      return Promise.resolve()
    })
  })

  it('gives out nothing that isn’t what was saved', async () => {
    const at = place()
    await leave(at, ['one'])
    at.damage()
    await at.job({}, async ({ root, restored }) => {
      expect(restored.images).toBe(0)
      expect(restored.failures.length).toBeLessThan(2)
      expect(await snapshot.stepsIn(root)).toStrictEqual([])
    })
  })
})

describe.each(BACKENDS)('the build records in $name', (backend) => {
  const limits = { now: NOW, ttlMs: 7 * DAY, maxBytes: 2 ** 31, perKey: 1 }
  const made = () => {
    const { open } = backend.make()
    return (given: Partial<CacheOptions> = {}) => {
      const defaults = { scope: 'scope', refs: [main], read: true, write: true, mounts: false, limits }
      return open({ ...defaults, stagingDir: temporaryFolder(), ...given }).records
    }
  }

  it('are those of the branch, else those of its base', async () => {
    const records = made()
    expect(await records().read()).toBeUndefined()
    expect(await records().write('main')).toBe(true)
    expect(await records({ refs: [pull, main] }).read()).toBe('main')
    expect(await records({ refs: [pull, main] }).write('pull')).toBe(true)
    expect(await records({ refs: [pull, main] }).read()).toBe('pull')
    expect(await records().read()).toBe('main')
    expect(await records({ scope: 'other' }).read()).toBeUndefined()
  })

  it('are not read by who may not, nor written', async () => {
    const records = made()
    expect(await records({ write: false }).write('x')).toBe(false)
    expect(await records().read()).toBeUndefined()
    await records().write('x')
    expect(await records({ read: false }).read()).toBeUndefined()
  })
})

function runOf(steps: readonly string[], hits: ReadonlySet<string>): Run {
  const recorded = steps.map((name): RecordedStep => {
    const key = hex(`k${name}`)
    return { image: hex(`i:${name}`), key, content: undefined, hit: hits.has(key), seconds: 3 }
  })
  return { steps: recorded, ours: [], pushed: undefined, failed: false }
}

function write(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex')
}
