import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { openArchives } from '../../../../src/cache/backends/archives.js'
import { openRegistry } from '../../../../src/cache/backends/registry.js'
import { openDirectory } from '../../../../src/cache/backends/directory.js'
import type { Cache } from '../../../../src/cache/cache.js'
import { readContents } from '../../../../src/cache/containers-storage/layout.js'
import type { CacheOptions } from '../../../../src/cache/options.js'
import { cacheContract, type CacheWorld, inJob, leave, runOf } from '../../../harness/cache-contract.js'
import { temporaryFolder } from '../../helpers.js'
import { fakeArtifacts } from '../../registry/fake-artifacts.js'
import { DAY, grow, hex, imageOf, layerOf, MemoryEntries, namesOf, NOW, storeOf } from '../fixtures.js'

/** What holds what builds leave. */
interface Backend {
  readonly name: string
  /** One that has nothing yet. @returns what opens it for a job */
  make(): { open: (options: CacheOptions) => Cache; damage: () => void }
}

/** What builds leave. */
interface Snapshot extends Pick<CacheWorld, 'storage' | 'build' | 'isAlwaysBuiltIn'> {
  readonly name: string
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
      const service = new MemoryEntries()
      const { stored } = service
      let jobs = 0
      return {
        open(options) {
          const { stagingDir } = options
          // Each job has a client of its own.
          const entries = Object.assign(new MemoryEntries(), { stored, stagingDir })
          return openArchives({
            ...options,
            backend: { kind: 'github' },
            entries,
            unique: `run-${jobs++}`,
            deadlineMs: 60_000,
            skeletons: false,
          })
        },
        damage() {
          for (const key of stored.keys()) if (key.includes('-p-')) service.damage(key)
        },
      }
    },
  },
  {
    name: 'a registry',
    make() {
      const registry = fakeArtifacts()
      const name = 'h.example/acme/web-cache'
      let jobs = 0
      return {
        open(options) {
          const { stagingDir, write, limits } = options
          const to = write ? name : undefined
          const access = { open: (asked: string) => Promise.resolve(registry.open(asked)) }
          const service = openRegistry({ stagingDir, from: [name], to, access, title: 'tests', ttlMs: limits.ttlMs })
          const [unique, deadlineMs] = [`run-${jobs++}`, 60_000]
          return openArchives({
            ...options,
            backend: { kind: 'github' },
            ...service,
            unique,
            deadlineMs,
            skeletons: false,
          })
        },
        damage() {
          const blobs = registry.blobs(name)
          for (const [digest, bytes] of blobs) if (bytes.length > 2) blobs.set(digest, Buffer.from(bytes).fill(0, 0, 9))
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
  const limits = { now: NOW, ttlMs: 7 * DAY, maxBytes: 2 ** 31, perKey: 1 }
  const access = { read: true, write: true }

  /** A place for jobs. @returns what jobs of other options see of it, too */
  function place() {
    const { open, damage } = backend.make()
    const worldOf = (given: Partial<CacheOptions> = {}): CacheWorld => ({
      ...snapshot,
      open: (own) =>
        open({ scope: 'scope', stagingDir: temporaryFolder(), refs: [main], mounts: false, limits, ...own, ...given }),
      root: temporaryFolder,
    })
    return { damage, worldOf }
  }

  const seenIn = async (world: CacheWorld) =>
    await inJob(world, access, async ({ root, restored }) => {
      expect(restored.failures).toStrictEqual([])
      return (await snapshot.stepsIn(root)).sort()
    })

  cacheContract(() => place().worldOf())

  it('takes what is new, and nothing twice', async () => {
    const world = place().worldOf()
    await leave(world, ['one'])
    await leave(world, ['one', 'two'])
    expect(await leave(world, ['one', 'two'])).toMatchObject({ parts: 0, bytes: 0 })
    expect(await seenIn(world)).toStrictEqual(['one', 'two'])
  })

  it('gives a pull request what its base has, and takes nothing of it for the base', async () => {
    const { worldOf } = place()
    const [ofMain, ofPull] = [worldOf(), worldOf({ refs: [pull, main] })]
    await leave(ofMain, ['one'])
    await ofMain.open(access).records.write('main')
    expect(await ofPull.open(access).records.read()).toBe('main')
    await leave(ofPull, ['one', 'two'])
    await ofPull.open(access).records.write('pull')
    expect(await seenIn(ofMain)).toStrictEqual(['one'])
    expect(await seenIn(ofPull)).toStrictEqual(['one', 'two'])
    const records = [ofMain, ofPull].map((world) => world.open(access).records.read())
    expect(await Promise.all(records)).toStrictEqual(['main', 'pull'])
  })

  it('is another one for another scope', async () => {
    const { worldOf } = place()
    const other = worldOf({ scope: 'other' })
    await leave(worldOf(), ['one'])
    await worldOf().open(access).records.write('x')
    expect(await seenIn(other)).toStrictEqual([])
    expect(await other.open(access).records.read()).toBeUndefined()
  })

  it('drops what no run has used for too long', async () => {
    const { worldOf } = place()
    await leave(worldOf(), ['one'])
    const late = worldOf({ limits: { ...limits, now: NOW + 8 * DAY } })
    await leave(late, ['two'], { ...access, read: false })
    expect(await seenIn(late)).toStrictEqual(['two'])
  })

  it('has nothing left after it is cleared, and then what the build leaves', async () => {
    const world = place().worldOf()
    await leave(world, ['one', 'two'])
    await inJob(world, access, async (storage) => {
      await storage.clear?.()
      expect(await snapshot.stepsIn(storage.root)).toStrictEqual([])
      snapshot.build(storage.root, ['three'])
      expect((await storage.save(runOf(['three'], storage))).failures).toStrictEqual([])
    })
    expect(await seenIn(world)).toStrictEqual(['three'])
  })

  it('gives out nothing that isn’t what was saved', async () => {
    const { worldOf, damage } = place()
    await leave(worldOf(), ['one'])
    damage()
    await inJob(worldOf(), access, async ({ root, restored }) => {
      expect(restored.images).toBe(0)
      expect(restored.failures.length).toBeLessThan(2)
      expect(await snapshot.stepsIn(root)).toStrictEqual([])
    })
  })
})

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
