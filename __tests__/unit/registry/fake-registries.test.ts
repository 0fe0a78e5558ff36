import { describe } from '@jest/globals'
import { registryContract } from '../../harness/registry-contract.js'
import { fakeRegistries } from './fake-registries.js'

describe('the fake registries', () => {
  registryContract(() => ({ registries: fakeRegistries().registries, host: 'h.example' }))
})
