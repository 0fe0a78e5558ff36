import { describe } from '@jest/globals'
import { cacheContract } from '../../harness/cache-contract.js'
import { storeOf } from './fixtures.js'
import { fakeCache, type FakeMemory } from './fake-cache.js'

describe('the fake cache', () => {
  cacheContract(() => {
    const memory: FakeMemory = { runs: [] }
    return {
      open: (access) => fakeCache(access, { memory }),
      storage: storeOf,
      root: () => '/root',
      build: () => undefined,
      isAlwaysBuiltIn: true,
    }
  })
})
