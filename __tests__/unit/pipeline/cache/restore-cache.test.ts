import { describe, expect, it } from '@jest/globals'
import { type Cache, EMPTY_CACHE, emptyStorage } from '../../../../src/cache/cache.js'
import type { Keys } from '../../../../src/cache/containers-storage/select.js'
import { parseDockerfile } from '../../../../src/dockerfile/dockerfile.js'
import type { ContainersStorage } from '../../../../src/build-storage.js'
import { restoreCache } from '../../../../src/pipeline/cache/restore-cache.js'
import type { PendingCache } from '../../../../src/pipeline/cache/start-cache.js'
import { inputsOf, logOf } from '../../helpers.js'
import { planOf } from '../services.js'

interface World {
  readonly inputs?: Readonly<Record<string, string>>
  readonly file?: string
  readonly kind?: 'directory' | 'off'
}

/** How many steps of earlier runs the cache may offer to a build of one RUN, and what the log says. */
async function offered({ inputs = {}, file = 'Dockerfile', kind = 'directory' }: World) {
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
  const source = { context: '/c', file, dockerfile: parseDockerfile('FROM x\nRUN make'), target: undefined }
  const store = { kind: 'root', version: '1.43.2', env: {} } as ContainersStorage
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

  it('are none without a cache', async () => {
    expect((await offered({ kind: 'off' })).count).toBe(0)
  })
})
