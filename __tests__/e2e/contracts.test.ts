import { chmodSync } from 'node:fs'
import { afterAll, describe } from '@jest/globals'

import { parseAuthFile } from '../../src/auth/auth-file.js'
import { engines } from '../../src/engine/select.js'
import { openRegistries } from '../../src/registry/client.js'
import { artifactsContract } from '../harness/artifacts-contract.js'
import { engineContract, type EngineWorld } from '../harness/engine-contract.js'
import { makeFolder } from '../harness/folders.js'
import { registryContract } from '../harness/registry-contract.js'
import { freePort } from '../harness/loopback.js'
import { useRegistry } from '../harness/use-registry.js'

const { registry } = await useRegistry()
const logins = parseAuthFile('{}', '/auth.json')
const registries = openRegistries({ logins, insecure: [registry.host], env: {} })
afterAll(() => {
  registries.close()
})

/** The engines of this machine, with a registry on loopback. */
async function worldOf(inputs: EngineWorld['inputs']): Promise<EngineWorld> {
  const folder = makeFolder('contract')
  chmodSync(folder, 0o755)
  return {
    engines,
    folder,
    context: {
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      home: folder,
      env: { PATH: process.env['PATH'] ?? '' },
    },
    inputs,
    host: registry.host,
    deafHost: `127.0.0.1:${await freePort()}`,
    registries,
  }
}

describe('a repository of a registry', () => {
  const open = (name: string) => registries.openArtifacts(`${registry.host}/${name}`, true)
  artifactsContract(open, () => makeFolder('artifacts'))
})

describe('a registry', () => {
  registryContract(() => ({ registries, host: registry.host }))
})

describe('Buildah', () => {
  engineContract(() => worldOf({ engine: 'buildah' }))
})
