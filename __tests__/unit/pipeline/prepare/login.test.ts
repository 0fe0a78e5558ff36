import { describe, expect, it } from '@jest/globals'
import { resolveTags } from '../../../../src/metadata/tags.js'
import { describe as describeError, RegistryError, type UserError } from '../../../../src/errors.js'
import { formatReference, parseReference, type Reference } from '../../../../src/metadata/reference.js'
import { login, loginRegistry } from '../../../../src/pipeline/prepare/login.js'
import { Secret } from '../../../../src/lib/secret.js'
import type { OwnLogin } from '../../../../src/auth/keychain.js'
import type { Trial } from '../../../../src/registry/uploads.js'
import { context } from '../../metadata/events.js'
import { inputsOf, logOf, refusal, rejection } from '../../helpers.js'

describe('loginRegistry', () => {
  const registryOf = (values: Readonly<Record<string, string>>) => {
    const inputs = inputsOf(values)
    return loginRegistry(
      inputs,
      resolveTags({ images: inputs.images, tags: inputs.tags, flavor: inputs.flavor }, context()),
    )
  }

  it.each([
    [{ images: 'ghcr.io/acme/web' }, 'ghcr.io'],
    [{ images: 'acme/web' }, 'docker.io'],
    [{ images: 'acme/web', registry: 'docker.io' }, 'docker.io'],
    [{ images: 'acme/web', registry: 'https://index.docker.io/v1/' }, 'docker.io'],
    [{ images: 'ghcr.io/acme/web\nacme/web', registry: 'ghcr.io' }, 'ghcr.io'],
    [{ images: 'docker.io/acme/web', registry: 'ghcr.io' }, 'ghcr.io'],
    [{ images: 'web,enable=false\nquay.io/acme/web', registry: 'ghcr.io' }, 'ghcr.io'],
    [{ registry: 'ghcr.io', tags: 'type=sha' }, 'ghcr.io'],
    [{ images: 'ghcr.io/acme/web\nacme/web', registry: 'ghcr.io', tags: 'type=ref,event=tag' }, 'ghcr.io'],
    [{ images: 'ghcr.io/acme/web', tags: 'type=semver,pattern={{version}}' }, 'ghcr.io'],
    [{ images: 'name=ghcr.io/acme/web,enable=false' }, 'ghcr.io'],
    [{ images: 'name=ghcr.io/acme/web,enable=false\nquay.io/acme/web', tags: 'type=ref,event=tag' }, 'quay.io'],
    [{ images: 'name=,enable=false' }, 'docker.io'],
    [{ images: 'name=ghcr.io/,enable=false' }, 'docker.io'],
  ])('%j: %s', (values, registry) => {
    expect(registryOf(values)).toBe(registry)
  })

  const notPrefixed = (name: string, input: string) =>
    `It isn't prepended to image names, and "${name}" in "${input}" has no registry, which means Docker Hub.`

  it.each([
    [
      { registry: 'ghcr.io/acme', images: 'web' },
      `Input "registry": got "ghcr.io/acme". ${notPrefixed('web', 'images')}`,
      'Write `registry: ghcr.io`. Write `images: ghcr.io/acme/web` instead of `web`.',
    ],
    [
      { registry: 'https://Quay.io/Acme/', images: 'name=Web,enable=true\nacme/api' },
      `Input "registry": got "https://Quay.io/Acme/". ${notPrefixed('web', 'images')}`,
      'Write `registry: quay.io`. Write `images: quay.io/acme/web,quay.io/acme/api` instead of `web,acme/api`.',
    ],
    [
      { registry: 'docker.io/acme', images: 'web' },
      `Input "registry": got "docker.io/acme". ${notPrefixed('web', 'images')}`,
      'Write `registry: docker.io`. Write `images: docker.io/acme/web` instead of `web`.',
    ],
    [
      { registry: 'ghcr.io/acme', images: 'ghcr.io/acme/web' },
      'Input "registry": got "ghcr.io/acme". A registry is a host without a path.',
      'Write `registry: ghcr.io`.',
    ],
    [
      { registry: 'https://registry.example/v2/', images: 'registry.example/web' },
      'Input "registry": got "https://registry.example/v2/". A registry is a host without a path.',
      'Write `registry: registry.example`.',
    ],
    [
      { registry: 'ghcr.io', images: 'acme/web' },
      `Input "registry": got "ghcr.io". ${notPrefixed('acme/web', 'images')}`,
      'Write `images: ghcr.io/acme/web` instead of `acme/web`. For Docker Hub, write `images: docker.io/acme/web` instead of `acme/web`.',
    ],
    [
      { registry: 'ghcr.io', tags: 'acme/web:1,acme/web:2' },
      `Input "registry": got "ghcr.io". ${notPrefixed('acme/web:1', 'tags')}`,
      'Write `tags: ghcr.io/acme/web:1,ghcr.io/acme/web:2` instead of `acme/web:1,acme/web:2`. For Docker Hub, write `tags: docker.io/acme/web:1,docker.io/acme/web:2` instead of `acme/web:1,acme/web:2`.',
    ],
    [
      { registry: 'dockerhub', images: 'acme/web' },
      'Input "registry": "dockerhub" is not a registry: without a dot or a port, a host looks like a name on Docker Hub',
      'Write its full host name or its port, such as dockerhub:443; for Docker Hub, docker.io.',
    ],
  ])('%j is refused, with what to write', (values, message, hint) => {
    const error = refusal(() => registryOf(values))
    expect(error.message).toBe(message)
    expect(error.hint).toBe(hint)
    // What to write is taken.
    if (!hint.includes('images: ')) return
    const [, registry = values.registry] = /`registry: (.*?)`/.exec(hint) ?? []
    const [, images = ''] = /`images: (.*?)`/.exec(hint) ?? []
    expect(registryOf({ registry, images })).toBe(registry)
  })

  it.each([
    { images: 'ghcr.io/acme/web\nacme/web' },
    { images: 'ghcr.io/acme/web\nacme/web', tags: 'type=semver,pattern={{version}}' },
    { images: 'ghcr.io/acme/web', tags: 'type=semver,pattern={{version}}\nacme/web:1' },
    { images: 'name=ghcr.io/acme/web,enable=false\nname=acme/web,enable=false' },
  ])('is missing where the names are in several, whatever tags apply: %j', (values) => {
    const { message } = refusal(() => registryOf({ ...values, username: 'ada', password: 'x' }))
    expect(message).toMatch(/^Input "registry" is missing: the names are in ghcr.io and docker.io/)
  })
})

const references = ['h.example/acme/web:1', 'h.example/acme/web:2', 'h.example/acme/api:1', 'other.example/acme/web:1']

/** Logs in to h.example, where a push of each reference comes to this. */
async function loginWith(
  trial: () => Promise<Trial>,
  more: { push?: string; engine?: 'buildah' | 'docker'; own?: readonly OwnLogin[] } = {},
) {
  const events: string[] = []
  const inputs = inputsOf({ push: more.push ?? 'true' })
  const engine = {
    login: (registry: string) => Promise.resolve(void events.push(`login to ${registry}`)),
  }
  const tryPush = (reference: Reference) => {
    events.push(formatReference(reference))
    return trial()
  }
  let error: UserError | undefined
  const log = await logOf(async () => {
    const own = [{ registry: 'h.example', username: 'ada', password: new Secret('pass-77aa') }]
    const target = { engine, needsChallenge: more.engine !== 'docker', own: more.own ?? own }
    const done = login({ inputs, references: references.map(parseReference) }, target, tryPush)
    error = await rejection(done).catch(() => undefined)
  })
  return { events, log, error }
}

const fine = () => Promise.resolve({ asksLate: false })
const failing = (refuses: boolean) => () => Promise.reject(new RegistryError('No.', 'Ask.', false, { refuses }))

describe('login', () => {
  it('tries the login with a push to each repository of its registry, and to no other', async () => {
    const { events, log, error } = await loginWith(fine)
    expect(events[0]).toBe('login to h.example')
    expect(events.slice(1).sort()).toStrictEqual(['h.example/acme/api:1', 'h.example/acme/web:2'])
    expect(log).toBe('Logged in to h.example as ada\n')
    expect(error).toBeUndefined()
  })

  it('tries nothing where nothing is pushed', async () => {
    expect((await loginWith(failing(true), { push: 'false' })).events).toStrictEqual(['login to h.example'])
  })

  it('ends where the push is refused, and says nothing of a login', async () => {
    const { log, error } = await loginWith(failing(true))
    expect(describeError(error)).toBe('No.\nAsk.')
    expect(log).toBe('')
  })

  it('goes on where the registry can’t be asked: the engine may do better', async () => {
    const { log, error } = await loginWith(failing(false))
    expect(error).toBeUndefined()
    expect(log).toBe('Logged in to h.example as ada\n')
  })

  it('is several, one after the other, each tried where no other is closer', async () => {
    const one = (registry: string, scope?: string) => ({ registry, scope, username: 'ada', password: new Secret('x') })
    const own = [one('h.example'), one('h.example', 'acme/api'), one('nobody.example'), one('other.example')]
    const { events } = await loginWith(fine, { own })
    expect(events).toStrictEqual([
      ...['login to h.example', 'h.example/acme/web:2', 'login to h.example/acme/api', 'h.example/acme/api:1'],
      ...['login to nobody.example', 'login to other.example', 'other.example/acme/web:1'],
    ])
  })

  const late = () => Promise.resolve({ asksLate: true })

  it('ends where Buildah would never be asked for the login', async () => {
    const { log, error } = await loginWith(late)
    expect(describeError(error)).toMatch(/^h\.example asks for a login only for writes.*`engine: docker`/s)
    expect(log).toBe('')
  })

  it('goes on there with Docker, which is asked', async () => {
    expect((await loginWith(late, { engine: 'docker' })).error).toBeUndefined()
  })
})
