import { chmodSync } from 'node:fs'
import { afterAll, describe, jest } from '@jest/globals'

import { parseAuthFile } from '../../src/auth/auth-file.js'
import { engines } from '../../src/engine/select.js'
import { openRegistries } from '../../src/registry/client.js'
import { artifactsContract } from '../harness/artifacts-contract.js'
import { dockerReason } from '../harness/docker-daemon.js'
import { engineContract, type EngineWorld } from '../harness/engine-contract.js'
import { makeFolder } from '../harness/folders.js'
import { registryContract } from '../harness/registry-contract.js'
import { freePort } from '../harness/loopback.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { useDocker } from '../harness/use-docker.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const { registry } = await useRegistry()
const docker = await useDocker()
const logins = parseAuthFile('{}', '/auth.json')
const registries = openRegistries({ logins, insecure: [registry.host], env: {} })
afterAll(() => {
  registries.close()
})

/** The engines of this machine, with a registry on loopback. */
async function worldOf(inputs: EngineWorld['inputs'], env: StepOptions['env'] = {}): Promise<EngineWorld> {
  const folder = makeFolder('contract')
  chmodSync(folder, 0o755)
  const variables = Object.entries({ PATH: process.env['PATH'], ...env }).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  return {
    engines,
    folder,
    context: {
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
      home: folder,
      env: Object.fromEntries(variables),
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

describe('Docker', () => {
  const test = testUnless(dockerReason())

  describe('with a builder of its own', () => {
    const inputs = { engine: 'docker', push: 'true' }
    engineContract(() => worldOf(inputs, docker.environment('buildx')), {
      test,
      pushesInBuild: true,
    })
  })

  describe('with the builder of the daemon', () => {
    engineContract(() => worldOf({ engine: 'docker' }, docker.environment('buildx-docker')), {
      test,
      pushesByDigest: false,
    })
  })
})
