import { describe } from '@jest/globals'
import { artifactsContract } from '../../harness/artifacts-contract.js'
import { registryContract } from '../../harness/registry-contract.js'
import { temporaryFolder } from '../helpers.js'
import { fakeArtifacts } from './fake-artifacts.js'
import { fakeRegistries } from './fake-registries.js'

describe('the fake repositories', () => {
  const artifacts = fakeArtifacts()
  artifactsContract((name) => artifacts.open(`h.example/${name}`), temporaryFolder)
})

describe('the fake registries', () => {
  registryContract(() => ({ registries: fakeRegistries().registries, host: 'h.example' }))
})
