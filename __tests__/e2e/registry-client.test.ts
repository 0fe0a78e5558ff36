import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'

import { type AuthFile, parseAuthFile } from '../../src/auth/auth-file.js'
import { RegistryError } from '../../src/errors.js'
import { parseReference, type Reference } from '../../src/metadata/reference.js'
import { openRegistries } from '../../src/registry/client.js'
import type { Registries, RegistriesOptions } from '../../src/registry/registries.js'
import { Secret } from '../../src/lib/secret.js'
import { removeFolders } from '../harness/folders.js'
import { type Registry, type RegistryOptions, startRegistry } from '../harness/registry.js'
import { stoppedClock } from '../harness/stopped-clock.js'
import { type TinyImage, tinyImage } from '../harness/tiny-image.js'
import { startTokenServer, type TokenServer, type TokenServerOptions } from '../harness/token-server.js'

const login = { username: 'alice', password: 'pass:word-2f9c' }
const nobody: AuthFile = { auths: {}, credHelpers: {} }
const stops: (() => Promise<void> | void)[] = []
let image: TinyImage

beforeAll(async () => {
  image = await tinyImage('one')
})
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})
afterAll(removeFolders)

async function registryOf(options: RegistryOptions = {}): Promise<Registry> {
  const registry = await startRegistry(options)
  stops.push(() => registry.stop())
  return registry
}

async function tokensOf(options: Partial<TokenServerOptions> = {}): Promise<TokenServer> {
  const server = await startTokenServer({ login, ...options })
  stops.push(() => server.stop())
  return server
}

function client(options: Partial<RegistriesOptions>): Registries {
  const registries = openRegistries({ logins: nobody, insecure: [], env: {}, ...options })
  stops.push(() => {
    registries.close()
  })
  return registries
}

const stepLogin = (registry: string, password = login.password) => ({
  own: [{ registry, username: login.username, password: new Secret(password) }],
})
const authFile = (auths: Readonly<Record<string, unknown>>) => parseAuthFile(JSON.stringify({ auths }), '/auth.json')
const entry = { auth: Buffer.from(`${login.username}:${login.password}`).toString('base64') }

/** A reference that has both, as the parts of the interface that want one take it. */
const at = (host: string, name: string) => parseReference(`${host}/${name}`) as Required<Reference>

async function refusalOf(promise: Promise<unknown>): Promise<RegistryError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof RegistryError) return error
  throw new Error('nothing was refused', { cause: error })
}

/** Everything that the client does, in one repository after another, by whoever may. */
async function exercise(registries: Registries, host: string): Promise<void> {
  const { digest, mediaType, size, bytes } = image.manifest
  expect(await registries.resolve(at(host, 'acme/web:1'))).toStrictEqual({ digest, mediaType, size })
  expect(await registries.resolve(at(host, `acme/web@${digest}`))).toStrictEqual({ digest, mediaType, size })
  expect(await registries.resolve(at(host, 'acme/web:none'))).toBeUndefined()
  expect(await registries.fetchManifest(at(host, `acme/web@${digest}`))).toStrictEqual(image.manifest)
  expect(await registries.fetchManifest(at(host, `acme/web@sha256:${'0'.repeat(64)}`))).toBeUndefined()

  // A tag that is missing, by the manifest alone.
  await registries.putManifest(at(host, 'acme/web:2'), image.manifest)
  expect((await registries.resolve(at(host, 'acme/web:2')))?.digest).toBe(digest)

  // A blob that no repository has.
  const content = Buffer.from(`{"of":"${host}"}`)
  const named = { bytes: content, digest: `sha256:${createHash('sha256').update(content).digest('hex')}` }
  expect(await registries.hasBlob(at(host, 'acme/web'), named.digest)).toBe(false)
  await registries.putBlob(at(host, 'acme/web'), named)
  // It is there by now.
  await registries.putBlob(at(host, 'acme/web'), named)
  expect(await registries.fetchBlob(at(host, 'acme/web'), named.digest)).toStrictEqual(content)

  // The same in another repository, which needs the blobs first.
  const other = at(host, 'acme/other:1')
  const unknown = `sha256:${'1'.repeat(64)}`
  expect(await registries.mountBlob(other, unknown, at(host, 'acme/web'))).toBe(false)
  for (const blob of image.blobs) expect(await registries.mountBlob(other, blob, at(host, 'acme/web'))).toBe(true)
  // It is there by now.
  for (const blob of image.blobs) expect(await registries.mountBlob(other, blob, at(host, 'acme/none'))).toBe(true)
  await registries.putManifest(other, image.manifest)
  expect((await registries.fetchManifest(at(host, `acme/other@${digest}`)))?.bytes).toStrictEqual(bytes)
}

describe('a registry that is open', () => {
  it('is asked, gets tags, mounts blobs', async () => {
    const registry = await registryOf()
    const { host } = registry
    await image.push(host, 'acme/web:1')
    const registries = client({ insecure: [host] })
    const lacking = await refusalOf(registries.putManifest(at(host, 'acme/other:1'), image.manifest))
    expect(lacking.message).toContain('MANIFEST_BLOB_UNKNOWN')
    await exercise(registries, host)
  })

  it('on loopback speaks plain HTTP only where the user allowed it', async () => {
    const registry = await registryOf()
    const { host } = registry
    const error = await refusalOf(client({}).resolve(at(host, 'acme/web:1')))
    expect(error.message).toContain(host)
    expect(error.transient).toBe(false)
    expect(error.hint).toContain('tls-verify: false')
    expect(registry.logs()).not.toContain('acme/web')
  })
})

describe('a registry with a password (Basic)', () => {
  it('is asked with the login of the step', async () => {
    const { host } = await registryOf({ login })
    await image.push(host, 'acme/web:1', login)
    await exercise(client({ insecure: [host], ...stepLogin(host) }), host)
  })

  it('is asked with an earlier login, of the repository before that of the host', async () => {
    const { host } = await registryOf({ login })
    await image.push(host, 'acme/web:1', login)
    const wrong = { auth: Buffer.from('alice:old').toString('base64') }
    const registries = client({ insecure: [host], logins: authFile({ [host]: wrong, [`${host}/acme`]: entry }) })
    await exercise(registries, host)
    expect((await refusalOf(registries.resolve(at(host, 'corp/web:1')))).message).toContain('401')
  })

  it('refuses nobody and a wrong password in words, once', async () => {
    const registry = await registryOf({ login })
    const { host } = registry
    const anonymous = await refusalOf(client({ insecure: [host] }).resolve(at(host, 'acme/web:1')))
    expect(anonymous.message).toContain(`Access denied: ${host} doesn't allow anonymous users to read acme/web (401`)
    expect(anonymous.hint).toContain(`Log in to ${host}`)
    const asked = registry.logs().split('\n').length
    const wrong = await refusalOf(
      client({ insecure: [host], ...stepLogin(host, 'wrong-9d1') }).resolve(at(host, 'acme/web:1')),
    )
    expect(wrong.message).toContain(`Access denied: ${host} doesn't allow "alice" to read acme/web (401`)
    expect(JSON.stringify([wrong, wrong.message, wrong.hint, wrong.stack])).not.toContain('wrong-9d1')
    expect(registry.logs().split('\n').length).toBeGreaterThan(asked)
  })
})

describe('a registry with tokens (Bearer)', () => {
  async function both(options: Partial<TokenServerOptions> = {}) {
    const tokens = await tokensOf(options)
    const registry = await registryOf({ token: tokens })
    const { host } = registry
    await image.push(host, 'acme/web:1', login)
    return { tokens, registry, host, insecure: [host, tokens.host], asked: tokens.questions.length }
  }

  it('is asked with tokens for what is done, each got once', async () => {
    const { tokens, registry, host, insecure, asked } = await both()
    await exercise(client({ insecure, ...stepLogin(host) }), host)
    const questions = tokens.questions.slice(asked)
    const scopes = questions.map((question) => question.scopes.join(' '))
    expect(scopes).toStrictEqual([...new Set(scopes)])
    // The upload that the registry began in place of a mount is cancelled, which wants a right of its own.
    expect(registry.logs()).toMatch(/http.request.method=DELETE .*http.response.status=204/)
    expect(scopes).toEqual(
      expect.arrayContaining([
        'repository:acme/web:pull',
        'repository:acme/web:pull,push',
        'repository:acme/other:pull,push repository:acme/web:pull',
        'repository:acme/other:pull,push',
      ]),
    )
    expect(
      questions.every(({ user, service, status }) => user === 'alice' && service === tokens.service && status === 200),
    ).toBe(true)
  })

  it('gets one token for questions at the same time', async () => {
    const { tokens, host, insecure, asked } = await both()
    const registries = client({ insecure, ...stepLogin(host) })
    await Promise.all(Array.from({ length: 8 }, () => registries.resolve(at(host, 'acme/web:1'))))
    expect(tokens.questions.length - asked).toBe(1)
  })

  it('is asked with an identity token', async () => {
    const { tokens, host, insecure, asked } = await both({ identityToken: 'identity-71c' })
    const logins = authFile({ [host]: { identitytoken: 'identity-71c' } })
    await exercise(client({ insecure, logins }), host)
    expect(tokens.questions.slice(asked).every(({ method }) => method === 'POST')).toBe(true)
  })

  it('shows everyone what is open, and no more', async () => {
    const { host, insecure } = await both({ open: (repository) => repository === 'acme/web' })
    const registries = client({ insecure })
    expect((await registries.resolve(at(host, 'acme/web:1')))?.digest).toBe(image.manifest.digest)
    const hidden = await refusalOf(registries.resolve(at(host, 'acme/hidden:1')))
    expect(hidden.message).toContain(`doesn't allow anonymous users to read acme/hidden (401`)
    const push = await refusalOf(registries.putManifest(at(host, 'acme/web:2'), image.manifest))
    expect(push.message).toContain(`doesn't allow anonymous users to write to acme/web (401`)
  })

  it('says where the login is wrong', async () => {
    const { tokens, host, insecure } = await both()
    const error = await refusalOf(client({ insecure, ...stepLogin(host, 'wrong-9d1') }).resolve(at(host, 'acme/web:1')))
    expect(error.message).toContain(
      `Access denied: ${tokens.host}, the token server of ${host}, gives "alice" no token for acme/web (401`,
    )
    expect(error.message).not.toContain('wrong-9d1')
  })

  it('gets no login where its tokens are given out without https', async () => {
    const { tokens, host, asked } = await both()
    const error = await refusalOf(client({ insecure: [host], ...stepLogin(host) }).resolve(at(host, 'acme/web:1')))
    expect(error.message).toContain("doesn't use HTTPS")
    expect(tokens.questions.length).toBe(asked)
  })

  it('is asked with a new token when the old one has ended', async () => {
    const clock = stoppedClock()
    const { tokens, host, insecure } = await both({ life: 1 })
    const registries = client({ insecure, ...stepLogin(host) })
    await registries.resolve(at(host, 'acme/web:1'))
    const before = tokens.questions.length
    clock.pass(1200)
    expect((await registries.resolve(at(host, 'acme/web:1')))?.digest).toBe(image.manifest.digest)
    expect(tokens.questions.length).toBeGreaterThan(before)
  })
})

describe('a certificate that nobody knows', () => {
  it('is taken from a registry that the user named, and from no other', async () => {
    const { host } = await registryOf({ tls: true, login })
    await image.push(host, 'acme/web:1', login)
    await exercise(client({ insecure: [host], ...stepLogin(host) }), host)
    for (const insecure of [[], [host.split(':')[0] ?? ''], ['127.0.0.1:1']]) {
      const error = await refusalOf(client({ insecure, ...stepLogin(host) }).resolve(at(host, 'acme/web:1')))
      expect(error.message).toContain('self-signed certificate')
      expect(error.hint).toContain('/etc/containers/certs.d/')
      expect(error.transient).toBe(false)
    }
  })

  it('is taken where the machine knows its authority', async () => {
    const { host, certificate = '' } = await registryOf({ tls: true })
    await image.push(host, 'acme/web:1')
    const registries = client({ env: { SSL_CERT_FILE: certificate } })
    expect((await registries.resolve(at(host, 'acme/web:1')))?.digest).toBe(image.manifest.digest)
  })
})

describe('a login', () => {
  it.each<[kind: string, options: (host: string, port: string) => Partial<RegistriesOptions>]>([
    ['of the step, for another port', () => stepLogin('127.0.0.1:1')],
    ['of the step, for the host without a port', () => stepLogin('127.0.0.1')],
    ['of a file, for another port', () => ({ logins: authFile({ '127.0.0.1:1': entry }) })],
    ['of a file, for the host without a port', () => ({ logins: authFile({ '127.0.0.1': entry }) })],
    ['of a file, for a longer port', (host) => ({ logins: authFile({ [`${host}0`]: entry }) })],
    [
      'of a file, for another name of the same machine',
      (_, port) => ({ logins: authFile({ [`localhost:${port}`]: entry }) }),
    ],
    ['of a file, for another repository', (host) => ({ logins: authFile({ [`${host}/acm`]: entry }) })],
  ])('%s is not sent', async (_, options) => {
    const { host } = await registryOf({ login })
    const registries = client({ insecure: [host], ...options(host, host.split(':')[1] ?? '') })
    const error = await refusalOf(registries.resolve(at(host, 'acme/web:1')))
    expect(error.message).toContain('anonymous users')
  })
})
