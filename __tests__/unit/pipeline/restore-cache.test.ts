import { describe, expect, it } from '@jest/globals'
import { type Cache, EMPTY_CACHE, emptyStorage } from '../../../src/cache/cache.js'
import type { Keys } from '../../../src/cache/containers-storage/select.js'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import type { ContainersStorage } from '../../../src/build-storage.js'
import { restoreCache } from '../../../src/pipeline/restore-cache.js'
import type { PendingCache } from '../../../src/pipeline/start-cache.js'
import { inputsOf, logOf } from '../helpers.js'
import { planOf } from './services.js'

interface World {
  readonly inputs?: Readonly<Record<string, string>>
  readonly file?: string
  readonly kind?: 'directory' | 'off'
  readonly text?: string
  readonly version?: string
}

/** How many steps of earlier runs the cache may offer to a build of one RUN, and what the log says. */
async function offered({
  inputs = {},
  file = 'Dockerfile',
  kind = 'directory',
  text = 'FROM x\nRUN make',
  version = '1.43.2',
}: World) {
  let keys: Keys = new Map()
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
  const source = { context: '/c', file, dockerfile: parseDockerfile(text), target: undefined }
  const store = { kind: 'root', version, env: {} } as ContainersStorage
  const request = {
    ...{ inputs: inputsOf(inputs), references: [], source, labels: [], annotations: [] },
    ...{ format: 'oci' as const, copied: new Map<string, string>() },
  }
  const log = await logOf(() => restoreCache(started, request, store, '/f'))
  return { count: keys.size, log }
}

describe('the steps that may be taken from the cache', () => {
  it('are those of the Dockerfile, FROM included', async () => {
    expect((await offered({})).count).toBe(2)
  })

  it.each<[what: string, world: World, says: string]>([
    ['an argument brings in what only Buildah sees', { inputs: { 'extra-args': '--volume=/x:/y' } }, '--volume=/x:/y'],
    ['a preprocessor makes the Dockerfile', { file: 'Dockerfile.in' }, 'the preprocessor'],
  ])('are none where %s, and the log says so', async (_, world, says) => {
    const { count, log } = await offered(world)
    expect(count).toBe(0)
    expect(log).toContain(`Cache: rebuilding without the cache, since ${says}`)
  })

  describe('are those of the stages that are built', () => {
    // FROM is the same step in all of them.
    const text = 'FROM x AS one\nRUN 1\nFROM x AS two\nRUN 2\nFROM x\nCOPY --from=two / /'
    const url = `${text}\nADD https://h.example/x /`
    it.each<[what: string, world: World, count: number]>([
      ['without those that nothing is taken from', { text }, 3],
      ['with all that something is taken from', { text: `${text}\nCOPY --from=one / /` }, 5],
      ['with all where it can’t be told what is taken', { text: url }, 5],
      ['with all by a Buildah that builds all', { text, version: '1.23.1' }, 4],
      ['with all where further arguments may say so', { text, inputs: { 'extra-args': '--squash' } }, 4],
    ])('%s', async (_, world, count) => {
      expect((await offered(world)).count).toBe(count)
    })
  })

  it('are none without a cache', async () => {
    expect((await offered({ kind: 'off' })).count).toBe(0)
  })
})
