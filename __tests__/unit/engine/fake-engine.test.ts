import { chmodSync } from 'node:fs'
import { describe } from '@jest/globals'
import { RegistryError } from '../../../src/errors.js'
import { engineContract } from '../../harness/engine-contract.js'
import { temporaryFolder } from '../helpers.js'
import { fakeRegistries } from '../registry/fake-registries.js'
import { fakeEngines } from './fake-engine.js'

describe('the fake engine', () => {
  engineContract(() => {
    const registries = fakeRegistries()
    const push = ({ registry }: { readonly registry: string }) =>
      registry === 'deaf.example' ? Promise.reject(new RegistryError('No answer.', 'Wait.', true)) : Promise.resolve()
    const folder = temporaryFolder()
    chmodSync(folder, 0o755)
    return Promise.resolve({
      engines: fakeEngines({ registries, push }),
      folder,
      context: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
      inputs: {},
      host: 'h.example',
      deafHost: 'deaf.example',
      registries: registries.registries,
    })
  })
})
