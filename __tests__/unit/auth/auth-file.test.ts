import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import {
  authFilePaths,
  knowsRegistry,
  parseAuthFile,
  readLogins,
  withoutRegistry,
} from '../../../src/auth/auth-file.js'
import { contextOf, everythingOf, refusal, rejection, temporaryFolder } from '../helpers.js'

const entry = (auth: string) => ({ auth })

/** Where Buildah, Podman and Skopeo keep logins of a user without XDG_RUNTIME_DIR. */
const withoutRuntime = (temporary: string) => [
  ...[
    '/run/user/1000',
    ...['containers-user', 'storage-run', 'podman-run'].map((name) => `${temporary}/${name}-1000`),
    '/home/me/rundir',
  ].flatMap((folder) => [`${folder}/containers/containers/auth.json`, `${folder}/containers/auth.json`]),
  '/run/containers/1000/auth.json',
]

describe('authFilePaths', () => {
  it.each([
    [
      'nothing set',
      {},
      [...withoutRuntime('/tmp'), '/home/me/.config/containers/auth.json', '/home/me/.docker/config.json'],
    ],
    [
      'another folder for temporary files',
      { TMPDIR: '/t' },
      [...withoutRuntime('/t'), '/home/me/.config/containers/auth.json', '/home/me/.docker/config.json'],
    ],
    [
      'everything set',
      { REGISTRY_AUTH_FILE: '/a.json', XDG_RUNTIME_DIR: '/run/me', XDG_CONFIG_HOME: '/conf', DOCKER_CONFIG: '/docker' },
      ['/a.json', '/run/me/containers/auth.json', '/conf/containers/auth.json', '/docker/config.json'],
    ],
    [
      'empty is not set',
      { REGISTRY_AUTH_FILE: '', XDG_RUNTIME_DIR: '', XDG_CONFIG_HOME: '', DOCKER_CONFIG: '' },
      [...withoutRuntime('/tmp'), '/home/me/.config/containers/auth.json', '/home/me/.docker/config.json'],
    ],
    [
      'a relative path is none',
      { REGISTRY_AUTH_FILE: 'auth.json', DOCKER_CONFIG: 'docker', XDG_RUNTIME_DIR: '/run/me' },
      ['/run/me/containers/auth.json', '/home/me/.config/containers/auth.json'],
    ],
  ])('%s', (_, env, expected) => {
    expect(authFilePaths(contextOf({ env }))).toStrictEqual(expected)
  })

  it('of root', () => {
    const paths = ['/run/containers/0/auth.json', '/root/.config/containers/auth.json', '/root/.docker/config.json']
    expect(authFilePaths(contextOf({ uid: 0, home: '/root' }))).toStrictEqual(paths)
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
      {
        auths: {},
        credHelpers: { 'docker.io': 'secretservice', 'ghcr.io': 'secretservice' },
        store: 'secretservice',
      },
    ],
    ['a store alone', { credsStore: 'ecr-login' }, { auths: {}, credHelpers: {}, store: 'ecr-login' }],
    [
      'entries that say nothing',
      { auths: { 'ghcr.io': {}, 'quay.io': { auth: '' }, 'gcr.io': entry('YTpi') } },
      { auths: { 'gcr.io': entry('YTpi') }, credHelpers: {} },
    ],
    [
      'a store, and a login beside it',
      { auths: { 'ghcr.io': {}, 'quay.io': entry('YTpi') }, credsStore: 'pass' },
      { auths: { 'quay.io': entry('YTpi') }, credHelpers: { 'ghcr.io': 'pass' }, store: 'pass' },
    ],
    [
      'a helper goes before the store',
      { auths: { 'ghcr.io': {} }, credsStore: 'pass', credHelpers: { 'ghcr.io': 'own' } },
      { auths: {}, credHelpers: { 'ghcr.io': 'own' }, store: 'pass' },
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
    const text =
      '{"auths": {"__proto__": {"auth": "YTpi"}, "constructor": {"auth": "YTpi"}}, "credHelpers": {"__proto__": "x"}}'
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
      expect(error.hint).toContain('docker login')
      expect(everythingOf(error)).not.toMatch(/hunter2|aHVudGVyMg/)
    },
  )
})

const nobody = 54_321

describe('readLogins', () => {
  /** A home with these files below it, and what is read there. */
  const read = async (files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) => {
    const home = temporaryFolder()
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(home, name)), { recursive: true })
      writeFileSync(join(home, name), content)
    }
    const absolute = Object.entries(env).map(([name, path]) => [name, join(home, path)])
    // Of whom this machine has no logins.
    return await readLogins(
      contextOf({ home, uid: nobody, env: Object.fromEntries(absolute) as Record<string, string> }),
    )
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
      store: 'store',
    })
  })

  it('what an earlier file says of a registry, it says of all that is in it', async () => {
    const logins = await read({
      '.config/containers/auth.json': auths({ 'ghcr.io': '1', 'quay.io/acme': '1' }),
      '.docker/config.json': auths({
        'ghcr.io/acme': '2',
        'quay.io': '2',
        'quay.io/acme/web': '2',
        'ghcr.io.example': '2',
      }),
    })
    const [one, two] = [entry('1'), entry('2')]
    expect(logins.auths).toStrictEqual({ 'ghcr.io': one, 'quay.io/acme': one, 'quay.io': two, 'ghcr.io.example': two })
  })

  it('an entry that says nothing hides no login of a later file', async () => {
    const logins = await read({
      '.config/containers/auth.json': '{"auths": {"ghcr.io": {}, "quay.io": {"auth": ""}}}',
      '.docker/config.json': auths({ 'ghcr.io': '2', 'quay.io': '2' }),
    })
    expect(logins.auths).toStrictEqual({ 'ghcr.io': entry('2'), 'quay.io': entry('2') })
  })

  it('takes what Buildah and Podman keep without XDG_RUNTIME_DIR, of the user alone', async () => {
    const [home, temp] = [temporaryFolder(), temporaryFolder()]
    const [uid, other] = [process.getuid?.() ?? 0, nobody]
    const put = (path: string, text: string) => {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    }
    for (const user of [uid, other]) {
      put(join(temp, `containers-user-${user}/containers/containers/auth.json`), auths({ a: '1' }))
      put(join(temp, `storage-run-${user}/containers/auth.json`), auths({ b: '2' }))
      put(join(temp, `podman-run-${user}/containers/auth.json`), auths({ d: '2' }))
      put(join(home, 'rundir/containers/containers/auth.json'), auths({ c: '3' }))
    }
    const loginsOf = async (user: number) =>
      Object.keys((await readLogins(contextOf({ home, uid: user, env: { TMPDIR: temp } }))).auths).sort()
    if (uid !== 0) expect(await loginsOf(uid)).toStrictEqual(['a', 'b', 'c', 'd'])
    // These are somebody else's files.
    expect(await loginsOf(other)).toStrictEqual(['c'])
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

describe('knowsRegistry', () => {
  it.each([
    ['ghcr.io', { auths: { 'ghcr.io': {} }, credHelpers: {} }, true],
    ['ghcr.io', { auths: { 'https://ghcr.io/v2/': {} }, credHelpers: {} }, true],
    ['ghcr.io', { auths: { 'ghcr.io/acme': {} }, credHelpers: {} }, true],
    ['ghcr.io', { auths: {}, credHelpers: { 'ghcr.io': 'x' } }, true],
    ['ghcr.io', { auths: {}, credHelpers: {}, store: 'x' }, true],
    ['ghcr.io', { auths: { 'ghcr.io.example': {}, 'ghcr.io:443': {} }, credHelpers: { 'a.ghcr.io': 'x' } }, false],
  ])('%s in %j: %s', (registry, logins, expected) => {
    expect(knowsRegistry(logins, registry)).toBe(expected)
  })
})
