import { describe, expect, it } from '@jest/globals'
import { type Cache, EMPTY_CACHE, emptyStorage } from '../../../../src/cache/cache.js'
import type { Keys } from '../../../../src/cache/containers-storage/select.js'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import type { ContainersStorage, OciLayout } from '../../../../src/build-storage.js'
import { restoreCache } from '../../../../src/pipeline/cache/restore-cache.js'
import type { PendingCache } from '../../../../src/pipeline/cache/start-cache.js'
import { inputsOf, logOf } from '../../helpers.js'
import { planOf } from '../services.js'

const root = { kind: 'root', version: '1.43.2', env: {} } as ContainersStorage

interface World {
  readonly inputs?: Readonly<Record<string, string>>
  readonly file?: string
  readonly kind?: 'directory' | 'off'
  readonly store?: ContainersStorage | OciLayout
}

/** What the cache of earlier runs may offer to a build of one RUN, and what the log says. */
async function restored({ inputs = {}, file = 'Dockerfile', kind = 'directory', store = root }: World) {
  let keys: Keys | undefined
  const cache: Cache = {
    ...EMPTY_CACHE,
    restore: (_storage, wanted, root) => {
      keys = wanted
      return Promise.resolve(emptyStorage(root))
    },
  }
  const isOff = kind === 'off'
  const plan = planOf({ kind, isStored: !isOff, read: !isOff, write: !isOff })
  const started: PendingCache = { cache, plan, stagingDir: '/staging' }
  const source = { context: '/c', file, dockerfile: parseDockerfile('FROM x\nRUN make'), target: undefined }
  const request = {
    ...{ inputs: inputsOf(inputs), references: [], source, labels: [], annotations: [] },
    ...{ format: 'oci' as const, copied: new Map<string, string>() },
  }
  let access = { read: false, write: false }
  const log = await logOf(async () => {
    ;({ access } = await restoreCache(started, request, store, '/f'))
  })
  return { count: keys?.size ?? 0, isAsked: keys !== undefined, access, log }
}

describe('the steps that may be taken from the cache', () => {
  it('are those of the Dockerfile, FROM included', async () => {
    expect((await restored({})).count).toBe(2)
  })

  it.each<[what: string, world: World, says: string]>([
    ['an argument brings in what only Buildah sees', { inputs: { 'extra-args': '--volume=/x:/y' } }, '--volume=/x:/y'],
    ['a preprocessor makes the Dockerfile', { file: 'Dockerfile.in' }, 'the preprocessor'],
  ])('are none where %s, and the log says so', async (_, world, says) => {
    const { count, log } = await restored(world)
    expect(count).toBe(0)
    expect(log).toContain(`Cache: rebuilding without the cache, since ${says}`)
  })

  it('are none without a cache', async () => {
    expect((await restored({ kind: 'off' })).count).toBe(0)
  })
})

describe('the steps that a builder elsewhere keeps by itself', () => {
  const blobs = { kind: 'blobs', layout: 'oci-layout', staysInEngine: false, folder: '/f' } as const
  const store = { ...blobs, isKeptElsewhere: true }

  it('are not fetched from the cache nor left there, but used', async () => {
    const { isAsked, access, log } = await restored({ store })
    expect({ isAsked, access }).toStrictEqual({ isAsked: false, access: { read: true, write: false } })
    expect(log).toContain('Cache: not used, since the builder keeps its own steps')
  })

  it.each<[what: string, world: World]>([
    ['the cache is asked for', { store, inputs: { cache: 'directory', 'cache-dir': '/d' } }],
    ['the builder is gone with the machine', { store: blobs }],
  ])('are fetched where %s', async (_, world) => {
    const { isAsked, access, log } = await restored(world)
    expect({ isAsked, access }).toStrictEqual({ isAsked: true, access: { read: true, write: true } })
    expect(log).not.toContain('not used')
  })
})
