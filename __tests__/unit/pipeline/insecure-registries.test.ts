import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { EngineRequest } from '../../../src/engine/engines.js'
import { parseReference, repositoryOf } from '../../../src/metadata/reference.js'
import { run } from '../../../src/pipeline/run.js'
import { type LoopbackServices, GITHUB_TOKEN, startAttestationServices } from '../../harness/attestation-services.js'
import { fakeCaches } from '../cache/fake-cache.js'
import { fakeEngines } from '../engine/fake-engine.js'
import { fakeClock } from '../fake-clock.js'
import { contextOf, inputsOf, logOf, temporaryFolder } from '../helpers.js'
import { fakeRegistries } from '../registry/fake-registries.js'
import { servicesOf } from './services.js'

const image = parseReference('h.example/acme/web')

let world: LoopbackServices
beforeAll(async () => {
  world = await startAttestationServices()
})
afterAll(() => world.end())

it.each<[what: string, values: Readonly<Record<string, string>>]>([
  ['an image under its tags', {}],
  ['an image that is attested', { provenance: 'true', attest: 'registry' }],
  ['an image by its digest', { outputs: 'type=image,push-by-digest=true,name-canonical=true,push=true' }],
  ['an image of several platforms', { platforms: 'linux/s390x,linux/riscv64' }],
  ['an index of what is there', { digests: 'there' }],
  ['a login', { username: 'ada', password: 'pass-1a2b' }],
])('%s may go without TLS to registries that the machine allows it for, and to no other', async (_, values) => {
  const registries = fakeRegistries()
  const { digest } = registries.putByDigest(repositoryOf(image), { os: 'linux', architecture: 'amd64' })
  const workspace = temporaryFolder()
  mkdirSync(join(workspace, 'temp'))
  writeFileSync(join(workspace, 'Dockerfile'), 'FROM scratch\nENV A=1\n')
  const requests: EngineRequest[] = []
  const services = servicesOf({
    engines: fakeEngines({ registries, requests, insecure: ['h.example', 'other.example'] }),
    caches: fakeCaches(),
    registries: registries.client,
    signing: { endpointsOf: () => world.endpoints, clock: fakeClock() },
  })
  const inputs = inputsOf({
    ...{ images: 'h.example/acme/web', tags: '1', push: 'true', 'github-token': GITHUB_TOKEN },
    ...values,
    ...(values['digests'] !== undefined && { digests: digest }),
  })
  const uid = process.getuid?.() ?? 0
  const context = contextOf({ workspace, temp: join(workspace, 'temp'), uid, idTokens: world.idTokens })
  await logOf(async () => {
    await run(inputs, context, services)
  })
  expect(registries.opened.length).toBeGreaterThan(0)
  expect(registries.opened.map(({ insecure }) => [...new Set(insecure)])).toStrictEqual(
    registries.opened.map(() => ['h.example']),
  )
  // The engine knows by itself.
  expect(requests.flatMap(({ insecure }) => insecure)).toStrictEqual([])
})
