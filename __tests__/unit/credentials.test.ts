import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { authFilePaths, parseAuthFile, readLogins, withoutRegistry } from '../../src/credentials.js'
import { contextOf, everythingOf, refusal, rejection, temporaryFolder } from './helpers.js'

const entry = (auth: string) => ({ auth })

describe('authFilePaths', () => {
  it.each([
    ['nothing set', {}, ['/home/me/.config/containers/auth.json', '/home/me/.docker/config.json']],
    [
      'everything set',
      { REGISTRY_AUTH_FILE: '/a.json', XDG_RUNTIME_DIR: '/run/me', XDG_CONFIG_HOME: '/conf', DOCKER_CONFIG: '/docker' },
      ['/a.json', '/run/me/containers/auth.json', '/conf/containers/auth.json', '/docker/config.json'],
    ],
    [
      'empty is not set',
      { REGISTRY_AUTH_FILE: '', XDG_RUNTIME_DIR: '' },
      ['/home/me/.config/containers/auth.json', '/home/me/.docker/config.json'],
    ],
    [
      'a relative path is none',
      { REGISTRY_AUTH_FILE: 'auth.json', DOCKER_CONFIG: 'docker' },
      ['/home/me/.config/containers/auth.json'],
    ],
  ])('%s', (_, env, expected) => {
    expect(authFilePaths(contextOf({ env }))).toStrictEqual(expected)
  })
})

describe('parseAuthFile', () => {
  const parse = (value: unknown) => parseAuthFile(JSON.stringify(value), '/auth.json')

  it.each([
    ['a login', { auths: { 'ghcr.io': entry('YTpi') } }, { auths: { 'ghcr.io': entry('YTpi') }, credHelpers: {} }],
    [
      'a helper for one registry',
      { credHelpers: { 'gcr.io': 'gcloud' } },
      { auths: {}, credHelpers: { 'gcr.io': 'gcloud' } },
    ],
    [
      'a store: each registry that is in it gets the store as its helper',
      { auths: { 'https://index.docker.io/v1/': {}, 'ghcr.io': {} }, credsStore: 'secretservice' },
      { auths: {}, credHelpers: { 'docker.io': 'secretservice', 'ghcr.io': 'secretservice' } },
    ],
    [
      'a store, and a login beside it',
      { auths: { 'ghcr.io': {}, 'quay.io': entry('YTpi') }, credsStore: 'pass' },
      { auths: { 'quay.io': entry('YTpi') }, credHelpers: { 'ghcr.io': 'pass' } },
    ],
    [
      'a helper goes before the store',
      { auths: { 'ghcr.io': {} }, credsStore: 'pass', credHelpers: { 'ghcr.io': 'own' } },
      { auths: {}, credHelpers: { 'ghcr.io': 'own' } },
    ],
    [
      'other settings of Docker are left out',
      { auths: { a: entry('YTpi') }, HttpHeaders: { x: 'y' }, currentContext: 'z', detachKeys: 'q' },
      { auths: { a: entry('YTpi') }, credHelpers: {} },
    ],
  ])('%s', (_, value, expected) => {
    expect(parse(value)).toStrictEqual(expected)
  })

  it.each([
    null,
    [],
    5,
    'text',
    {},
    { auths: null },
    { auths: [], credHelpers: [] },
    { auths: 'x', credHelpers: 'y', credsStore: ['z'] },
    { auths: 5, credHelpers: { a: 5, b: null, c: ['d'], e: { f: 'g' } } },
  ])('%j has no login in it', (value) => {
    expect(parse(value)).toStrictEqual({ auths: {}, credHelpers: {} })
  })

  it('takes keys as names, whatever they are', () => {
    const text = '{"auths": {"__proto__": {"auth": "YTpi"}, "constructor": {}}, "credHelpers": {"__proto__": "x"}}'
    const { auths, credHelpers } = parseAuthFile(text, '/auth.json')
    expect(Object.keys(auths)).toStrictEqual(['__proto__', 'constructor'])
    expect(Object.keys(credHelpers)).toStrictEqual(['__proto__'])
    expect(Reflect.get({}, 'auth')).toBeUndefined()
  })

  it.each(['{"auths": {"ghcr.io": {"auth": "aHVudGVyMg=="', 'hunter2', '{hunter2: 1}', '{"auth":"hunter2",}'])(
    'an error about %j shows the path and nothing of the text',
    (text) => {
      const error = refusal(() => parseAuthFile(text, '/home/me/.docker/config.json'))
      expect(error.message).toContain('/home/me/.docker/config.json')
      expect(error.cure).toContain('docker login')
      expect(everythingOf(error)).not.toMatch(/hunter2|aHVudGVyMg/)
    },
  )
})

describe('readLogins', () => {
  /** A home with these files below it, and what is read there. */
  const read = async (files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) => {
    const home = temporaryFolder()
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(home, name)), { recursive: true })
      writeFileSync(join(home, name), content)
    }
    const absolute = Object.entries(env).map(([name, path]) => [name, join(home, path)])
    return await readLogins(contextOf({ home, env: Object.fromEntries(absolute) as Record<string, string> }))
  }
  const auths = (logins: Readonly<Record<string, string>>) =>
    JSON.stringify({ auths: Object.fromEntries(Object.entries(logins).map(([key, auth]) => [key, entry(auth)])) })

  it('is empty where there are no files, and for empty ones', async () => {
    expect(await read({})).toStrictEqual({ auths: {}, credHelpers: {} })
    expect(await read({ '.docker/config.json': ' \n' })).toStrictEqual({ auths: {}, credHelpers: {} })
  })

  it('takes all files together, the earlier one first', async () => {
    const logins = await read(
      {
        'named.json': auths({ a: '1' }),
        'run/containers/auth.json': auths({ a: '2', b: '2' }),
        '.config/containers/auth.json': auths({ b: '3', c: '3' }),
        '.docker/config.json': JSON.stringify({
          auths: { c: entry('4'), d: entry('4'), e: {} },
          credsStore: 'store',
          credHelpers: { f: 'own' },
        }),
      },
      { REGISTRY_AUTH_FILE: 'named.json', XDG_RUNTIME_DIR: 'run' },
    )
    expect(logins).toStrictEqual({
      auths: { a: entry('1'), b: entry('2'), c: entry('3'), d: entry('4') },
      credHelpers: { e: 'store', f: 'own' },
    })
  })

  // In one file Buildah asks the helper first, so a later file's helper would win over the earlier file's login.
  it('the earlier file wins also where the later one has a helper for that registry', async () => {
    const logins = await read({
      '.config/containers/auth.json': auths({ 'gcr.io': '1' }),
      '.docker/config.json': JSON.stringify({ credHelpers: { 'gcr.io': 'gcloud', 'quay.io': 'other' } }),
    })
    expect(logins).toStrictEqual({ auths: { 'gcr.io': entry('1') }, credHelpers: { 'quay.io': 'other' } })
  })

  it('names the file that is no JSON', async () => {
    const error = await rejection(read({ '.docker/config.json': '{"auth": "aHVudGVyMg=="' }))
    expect(error.message).toMatch(/\/\.docker\/config\.json isn't JSON/)
    expect(everythingOf(error)).not.toContain('aHVudGVyMg')
  })
})

describe('withoutRegistry', () => {
  const names = (registry: string, keys: readonly string[]) => {
    const logins = {
      auths: Object.fromEntries(keys.map((key) => [key, entry('x')])),
      credHelpers: Object.fromEntries(keys.map((key) => [key, 'helper'])),
    }
    const left = withoutRegistry(logins, registry)
    expect(Object.keys(left.credHelpers)).toStrictEqual(Object.keys(left.auths))
    return Object.keys(left.auths)
  }

  it.each([
    ['ghcr.io', ['ghcr.io', 'quay.io'], ['quay.io']],
    ['ghcr.io', ['https://ghcr.io', 'http://ghcr.io/', 'https://ghcr.io/v2/', 'https://ghcr.io/v1'], []],
    [
      'docker.io',
      ['docker.io', 'index.docker.io', 'https://index.docker.io/v1/', 'registry-1.docker.io', 'ghcr.io'],
      ['ghcr.io'],
    ],
    // exactly the host: no part of a name, no other port, no other domain
    [
      'ghcr.io',
      ['ghcr.io.evil.example', 'evil-ghcr.io', 'ghcr.io:443', 'a.ghcr.io'],
      ['ghcr.io.evil.example', 'evil-ghcr.io', 'ghcr.io:443', 'a.ghcr.io'],
    ],
    ['localhost:5000', ['localhost:5000', 'localhost', 'localhost:50001'], ['localhost', 'localhost:50001']],
    // a login for a part of the registry is another login
    ['quay.io', ['quay.io/acme', 'quay.io'], ['quay.io/acme']],
  ])('%s of %j leaves %j', (registry, keys, expected) => {
    expect(names(registry, keys)).toStrictEqual(expected)
  })
})
