import { expect, it } from '@jest/globals'
import { Secret } from '../../../../src/lib/secret.js'
import { describe, RegistryError } from '../../../../src/errors.js'
import { parseReference } from '../../../../src/metadata/reference.js'
import type { Credentials } from '../../../../src/pipeline/prepare/credentials.js'
import { startAccess } from '../../../../src/pipeline/prepare/push-access.js'
import { contextOf, inputsOf, logOf, rejection } from '../../helpers.js'
import { fakeRegistries } from '../../registry/fake-registries.js'
import { servicesOf } from '../services.js'

const names = ['h.example/acme/web:1', 'h.example/acme/web:2', 'other.example/acme/web:1']

/** What comes of the trial of these references, by an engine that takes h.example for one without TLS. */
async function tryThem({
  push = 'true',
  fault,
  from = true,
}: {
  push?: string
  fault?: RegistryError
  from?: boolean
}) {
  const world = fakeRegistries()
  if (fault !== undefined) world.refuse(fault, /^try h\.example/)
  const own = [{ registry: 'other.example', username: 'ada', password: new Secret('pass-77aa') }]
  const logins = { auths: {}, credHelpers: {} }
  const credentials: Credentials = { logins, own, registry: 'h.example', insecure: [], configuredInsecure: [] }
  const services = servicesOf({ registries: world.client })
  const configured = { candidates: new Map(), insecure: ['h.example'], configuration: [] }
  const pusher = {
    traits: { needsChallenge: false, pushesFromHere: from },
    resolveNames: () => Promise.resolve(configured),
  }
  const spec = { inputs: inputsOf({ push }), references: names.map(parseReference) }
  const confirm = startAccess(
    spec,
    pusher,
    { credentials, context: contextOf({}), services },
    {
      open: () => Promise.resolve(world.registries),
    },
  )
  const engine = { login: () => Promise.resolve() }
  let error: Error | undefined
  await logOf(async () => {
    error = await rejection(confirm(engine)).catch(() => undefined)
  })
  return { ...world, error }
}

const failing = (options: ConstructorParameters<typeof RegistryError>[3], transient = false) =>
  new RegistryError('No.', 'Ask.', transient, options)

it('tries one push to each repository, without TLS where the engine may', async () => {
  const { asked, opened, error } = await tryThem({})
  expect(error).toBeUndefined()
  expect(asked.toSorted()).toStrictEqual(['try h.example/acme/web:2', 'try other.example/acme/web:1'])
  expect(opened.map(({ insecure }) => insecure)).toStrictEqual([['h.example']])
})

it('tries nothing where nothing is pushed', async () => {
  expect((await tryThem({ push: 'false' })).asked).toStrictEqual([])
})

it.each<[string, Parameters<typeof tryThem>[0], fails: boolean]>([
  ['a registry lets nobody write', { fault: failing({ refuses: true }) }, true],
  ['nothing answers', { fault: failing({ isUnreachable: true }) }, true],
  [
    'nothing answers here, and the engine pushes from elsewhere',
    { fault: failing({ isUnreachable: true }), from: false },
    false,
  ],
  ['something else goes wrong: the engine has the last word', { fault: failing({}, true) }, false],
])('where %s', async (_, fault, fails) => {
  const { error } = await tryThem(fault)
  const told = 'Input "push": nothing was built, since h.example/acme/web can\'t be pushed.\nCaused by: No.\nAsk.'
  expect(error === undefined ? undefined : describe(error)).toBe(fails ? told : undefined)
})
