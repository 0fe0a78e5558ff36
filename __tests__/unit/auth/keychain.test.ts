import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseAuthFile } from '../../../src/auth/auth-file.js'
import { findLogin, type Login, type Logins, settleLogins } from '../../../src/auth/keychain.js'
import { Secret } from '../../../src/lib/secret.js'
import { everythingOf, rejection, temporaryFolder } from '../helpers.js'

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') })
const file = (auths: Readonly<Record<string, unknown>>, more: object = {}): Logins => ({
  logins: parseAuthFile(JSON.stringify({ auths, ...more }), '/auth.json'),
  env: {},
})

/** A login with its secret readable: `user:password`, or `identity token`. */
function shown(login: Login | undefined): string | undefined {
  if (login === undefined) return undefined
  return login.kind === 'password'
    ? `${login.username}:${login.password.reveal()}`
    : `identity ${login.username} ${login.token.reveal()}`
}

describe('findLogin in a file', () => {
  it.each<[where: string, auths: Readonly<Record<string, unknown>>, login: string | undefined]>([
    ['ghcr.io/acme/web', { 'ghcr.io': auth('a:b') }, 'a:b'],
    ['ghcr.io/acme/web', { 'ghcr.io': auth('a:b:c') }, 'a:b:c'],
    ['ghcr.io/acme/web', { 'ghcr.io': auth('a:b\0\0') }, 'a:b'],
    ['ghcr.io/acme/web', { 'https://ghcr.io/v2/': auth('a:b') }, 'a:b'],
    ['ghcr.io/acme/web', { 'ghcr.io': { username: 'a', password: 'b' } }, 'a:b'],
    ['ghcr.io/acme/web', { 'ghcr.io': { ...auth('a:'), identitytoken: 'c' } }, 'identity a c'],
    ['ghcr.io/acme/web', { 'ghcr.io': { identitytoken: 'c' } }, 'identity  c'],
    // Docker Hub
    ['docker.io/acme/web', { 'https://index.docker.io/v1/': auth('a:b') }, 'a:b'],
    ['docker.io/acme/web', { 'docker.io': auth('a:b') }, 'a:b'],
    ['docker.io/library/debian', { 'docker.io/library': auth('a:b'), 'docker.io': auth('c:d') }, 'a:b'],
    // the most specific
    ['h:1/a/b', { 'h:1': auth('one:x'), 'h:1/a': auth('two:x'), 'h:1/a/b': auth('three:x') }, 'three:x'],
    ['h:1/a/c', { 'h:1': auth('one:x'), 'h:1/a': auth('two:x'), 'h:1/a/b': auth('three:x') }, 'two:x'],
    ['h:1/c', { 'h:1': auth('one:x'), 'h:1/a': auth('two:x') }, 'one:x'],
    // nobody else's
    ['host:5001/a', { 'host:5000': auth('a:b'), host: auth('c:d') }, undefined],
    ['host/a', { 'host:5000': auth('a:b'), xhost: auth('a:b'), 'host.com': auth('a:b') }, undefined],
    ['ghcr.io/acme/web', { 'ghcr.io/acm': auth('a:b'), 'ghcr.io/acme/web/x': auth('a:b') }, undefined],
    ['ghcr.io/acme/web', { 'ghcr.io.evil.example': auth('a:b') }, undefined],
    ['evil.example/ghcr.io', { 'ghcr.io': auth('a:b') }, undefined],
    // no logins
    ['ghcr.io/acme/web', { 'ghcr.io': {} }, undefined],
    ['ghcr.io/acme/web', { 'ghcr.io': auth('nothing') }, undefined],
    ['ghcr.io/acme/web', { 'ghcr.io': auth(':b') }, undefined],
    ['ghcr.io/acme/web', { 'ghcr.io': { auth: 7 } }, undefined],
    ['ghcr.io/acme/web', { 'ghcr.io': 'a:b' }, undefined],
    ['toString/web', {}, undefined],
  ])('%s of %j', async (where, auths, login) => {
    const [registry = '', ...path] = where.split('/')
    expect(shown(await findLogin(registry, path.join('/'), file(auths)))).toBe(login)
  })

  it('takes the login of the step for exactly its registry', async () => {
    const all = {
      ...file({ 'h:1': auth('a:b'), 'h:1/acme': auth('c:d') }),
      own: [{ registry: 'h:1', username: 'step', password: new Secret('x') }],
    }
    expect(shown(await findLogin('h:1', 'acme/web', all))).toBe('step:x')
    expect(await findLogin('h:2', 'acme/web', all)).toBeUndefined()
    expect(await findLogin('h', 'acme/web', all)).toBeUndefined()
    expect(await findLogin('h:12', 'acme/web', all)).toBeUndefined()
  })

  it('takes the one with the longest scope of those that the step has for a repository', async () => {
    const one = (scope: string | undefined, username: string) => ({
      ...{ registry: 'h:1', scope, username, password: new Secret('x') },
    })
    const all = { ...file({}), own: [one('acme', 'team'), one(undefined, 'all'), one('acme/web', 'web')] }
    const found = async (repository: string) => shown(await findLogin('h:1', repository, all))
    expect(await found('acme/web')).toBe('web:x')
    expect(await found('acme/web/api')).toBe('web:x')
    expect(await found('acme/website')).toBe('team:x')
    expect(await found('acme2/web')).toBe('all:x')
  })

  it('prints no password', async () => {
    const login = await findLogin('h:1', 'a', file({ 'h:1': { ...auth('a:pass-3c1'), identitytoken: 'token-3c1' } }))
    expect(everythingOf(login)).not.toMatch(/3c1/)
  })
})

/** A helper that notes what it is asked, and prints this. */
function helper(answer: string, exitCode = 0, name = 'test'): { env: Logins['env']; asked: () => string } {
  const folder = temporaryFolder()
  const path = join(folder, `docker-credential-${name}`)
  writeFileSync(join(folder, 'answer'), answer)
  writeFileSync(
    path,
    `#!/bin/sh\nread -r key\necho "$* $key" >> "${folder}/asked"\n[ "$key" = skip ] || cat "${folder}/answer"\nexit ${exitCode}\n`,
  )
  chmodSync(path, 0o755)
  return { env: { PATH: `${folder}:/usr/bin:/bin` }, asked: () => readFileSync(join(folder, 'asked'), 'utf8') }
}
describe('findLogin with a credential helper', () => {
  const using = (env: Logins['env'], credHelpers: object, auths = {}): Logins => ({
    ...file(auths, { credHelpers }),
    env,
  })

  it('asks it for the host, before the file is looked into', async () => {
    const { env, asked } = helper('{"ServerURL":"h:1","Username":"a","Secret":"b"}')
    expect(shown(await findLogin('h:1', 'acme/web', using(env, { 'h:1': 'test' }, { 'h:1': auth('c:d') })))).toBe('a:b')
    expect(asked()).toBe('get h:1\n')
  })

  it('takes a token for one', async () => {
    const { env } = helper('{"Username":"<token>","Secret":"b"}')
    expect(shown(await findLogin('h:1', 'a', using(env, { 'h:1': 'test' })))).toBe('identity  b')
  })

  it('asks it for no other host', async () => {
    const { env } = helper('{"Username":"a","Secret":"b"}')
    expect(await findLogin('h:2', 'a', using(env, { 'h:1': 'test' }))).toBeUndefined()
  })

  it('looks into the file where it has nothing, for Docker Hub under both names', async () => {
    const { env, asked } = helper('credentials not found in native keychain\n', 1)
    const logins = using(env, { 'https://index.docker.io/v1/': 'test' }, { 'docker.io': auth('c:d') })
    expect(shown(await findLogin('docker.io', 'a/b', logins))).toBe('c:d')
    expect(asked()).toBe('get docker.io\nget https://index.docker.io/v1/\n')
  })

  it.each<[what: string, answer: string, exitCode: number, name: string, message: string]>([
    ['fails', 'secret-5e2: broken', 3, 'test', 'docker-credential-test failed for h:1. It ended with exit code 3.'],
    ['gives no JSON', 'secret-5e2', 0, 'test', 'returned no login for h:1'],
    ['gives other JSON', '{"Secret":"secret-5e2"}', 0, 'test', 'returned no login for h:1'],
    ['is not there', '', 0, 'other', 'No such program is on the PATH'],
  ])('says so where it %s, and not what it printed', async (_, answer, exitCode, name, message) => {
    const { env } = helper(answer, exitCode, name)
    const error = await rejection(findLogin('h:1', 'a', using(env, { 'h:1': 'test' })))
    expect(error.message).toContain(message)
    expect(everythingOf(error)).not.toContain('5e2')
  })

  it.each(['../x', 'a b', '-x', '', 'a/b', 'a;b'])('starts nothing that is named %j', async (name) => {
    const error = await rejection(findLogin('h:1', 'a', using({ PATH: '/' }, { 'h:1': name })))
    expect(error.message).toContain('not the name of a credential helper')
  })
})

describe('a credential store', () => {
  const alone = { credsStore: 'test' }

  it('is asked for a registry that the file doesn’t name', async () => {
    const { env, asked } = helper('{"Username":"a","Secret":"b"}')
    expect(shown(await findLogin('h:1', 'acme/web', { ...file({}, alone), env }))).toBe('a:b')
    expect(asked()).toBe('get h:1\n')
  })

  it('is not asked where the file has a login', async () => {
    const { env } = helper('broken', 3)
    expect(shown(await findLogin('h:1', 'acme/web', { ...file({ 'h:1': auth('c:d') }, alone), env }))).toBe('c:d')
  })

  it.each<[what: string, answer: string, exitCode: number, name: string]>([
    ['fails', 'secret-5e2: broken', 3, 'test'],
    ['is not there', '', 0, 'other'],
    ['has nothing', 'credentials not found in native keychain\n', 1, 'test'],
  ])('that %s counts as one without a login', async (_, answer, exitCode, name) => {
    const { env } = helper(answer, exitCode, name)
    expect(await findLogin('h:1', 'acme/web', { ...file({}, alone), env })).toBeUndefined()
    expect(await settleLogins(file({}, alone).logins, ['h:1'], env)).toStrictEqual({ auths: {}, credHelpers: {} })
  })
})

describe('settleLogins', () => {
  it('makes the store the helper of the registries that it has a login for, and that are in no file', async () => {
    const { env, asked } = helper('{"Username":"a","Secret":"b"}')
    const { logins } = file({ 'h:1': auth('c:d') }, { credsStore: 'test', credHelpers: { 'h:2': 'other' } })
    expect(await settleLogins(logins, ['h:1', 'h:2', 'h:3', 'h:3'], env)).toStrictEqual({
      auths: { 'h:1': auth('c:d') },
      credHelpers: { 'h:2': 'other', 'h:3': 'test' },
    })
    expect(asked()).toBe('get h:3\n')
  })

  it('takes a helper without a login away where another file has one', async () => {
    const { env } = helper('credentials not found in native keychain\n', 1)
    const credHelpers = { 'h:1': 'test', 'h:2': 'test' }
    const { logins } = file({ 'h:1': auth('c:d') }, { credHelpers })
    expect((await settleLogins(logins, [], env)).credHelpers).toStrictEqual({ 'h:2': 'test' })
  })

  it('leaves a helper that has one, or fails', async () => {
    const credHelpers = { 'h:1': 'test' }
    const { logins } = file({ 'h:1': auth('c:d') }, { credHelpers })
    for (const { env } of [helper('{"Username":"a","Secret":"b"}'), helper('broken', 3)])
      expect((await settleLogins(logins, [], env)).credHelpers).toStrictEqual(credHelpers)
  })
})
