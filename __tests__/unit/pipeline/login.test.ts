import { describe, expect, it } from '@jest/globals'
import { describe as describeError, RegistryError, type UserError } from '../../../src/errors.js'
import { formatReference, parseReference, type Reference } from '../../../src/metadata/reference.js'
import { login } from '../../../src/pipeline/login.js'
import type { Trial } from '../../../src/registry/uploads.js'
import { inputsOf, logOf, rejection } from '../helpers.js'

const references = ['h.example/acme/web:1', 'h.example/acme/web:2', 'h.example/acme/api:1', 'other.example/acme/web:1']

/** Logs in to h.example, where a push of each reference comes to this. */
async function loginWith(trial: () => Promise<Trial>, more: { push?: string; engine?: 'buildah' | 'docker' } = {}) {
  const events: string[] = []
  const inputs = inputsOf({ username: 'ada', password: 'pass-77aa', push: more.push ?? 'true' })
  const engine = {
    name: more.engine ?? 'buildah',
    login: (registry: string) => Promise.resolve(void events.push(`login to ${registry}`)),
  }
  const tryPush = (reference: Reference) => {
    events.push(formatReference(reference))
    return trial()
  }
  let error: UserError | undefined
  const log = await logOf(async () => {
    const use = { references: references.map(parseReference), tryPush }
    const done = login(engine, { inputs, registry: 'h.example' }, use)
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

  const late = () => Promise.resolve({ asksLate: true })

  it('ends where Buildah would never be asked for the login', async () => {
    const { log, error } = await loginWith(late)
    expect(describeError(error)).toMatch(/^h\.example asks for a login when something is written.*`engine: docker`/s)
    expect(log).toBe('')
  })

  it('goes on there with Docker, which is asked', async () => {
    expect((await loginWith(late, { engine: 'docker' })).error).toBeUndefined()
  })
})
