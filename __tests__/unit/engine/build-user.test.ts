import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import {
  type BuildUser,
  buildUserEnv,
  chooseBuilder,
  chooseBuildUser,
  nextFreeRange,
  parsePasswd,
} from '../../../src/engine/build-user.js'
import { describe as describeError } from '../../../src/errors.js'
import { contextOf, rejection } from '../helpers.js'

describe('parsePasswd', () => {
  const text = [
    '# comment',
    'root:x:0:0:root:/root:/bin/bash',
    'builder:x:1001:1002:Builder,,,:/home/builder:/bin/sh',
    '1001:x:2000:2000::/home/digits:/bin/sh',
    'short:x:3000',
    'nohome:x:3001:3001:::',
    '',
  ].join('\n')

  it.each([
    ['builder', { name: 'builder', uid: 1001, gid: 1002, home: '/home/builder' }],
    ['1001', { name: 'builder', uid: 1001, gid: 1002, home: '/home/builder' }],
    ['0', { name: 'root', uid: 0, gid: 0, home: '/root' }],
    ['2000', { name: '1001', uid: 2000, gid: 2000, home: '/home/digits' }],
    ['nohome', { name: 'nohome', uid: 3001, gid: 3001, home: '' }],
    ['nobody', undefined],
    ['build', undefined],
    ['short', undefined],
    ['# comment', undefined],
    ['', undefined],
  ])('%j is %j', (name, expected) => {
    expect(parsePasswd(text, name)).toStrictEqual(expected)
  })
})

describe('nextFreeRange', () => {
  it.each([
    ['', 100000],
    ['\n', 100000],
    ['me:100000:65536\n', 165536],
    ['me:100000:65536\nyou:231072:65536\nthem:165536:65536', 296608],
    // below the first range that is given by convention
    ['old:1000:10', 100000],
    // behind everything, whatever is wrong beside it
    ['me:100000:65536\nbroken\nme:x:y\n# a:9999999:1x', 165536],
  ])('%j: %i', (text, expected) => {
    expect(nextFreeRange(text)).toBe(expected)
  })
})

describe('accountEnv', () => {
  const buildUser: BuildUser = { name: 'builder', uid: 1001, gid: 1001, home: '/home/builder', prefix: [], reason: '' }
  const env = {
    PATH: '/usr/bin',
    HOME: '/root',
    USER: 'root',
    LOGNAME: 'root',
    LANG: 'C',
    HTTPS_PROXY: 'http://proxy:1',
    XDG_RUNTIME_DIR: '/run/user/0',
    XDG_CONFIG_HOME: '/root/.config',
    SUDO_UID: '1000',
    SUDO_COMMAND: 'x',
    DOCKER_CONFIG: '/root/.docker',
    REGISTRY_AUTH_FILE: '/root/auth.json',
    DOCKER_CONFIGURATION: 'stays',
  }

  it('is the step’s own where the step already runs as the account', () => {
    expect(buildUserEnv(buildUser, env)).toStrictEqual(env)
  })

  it('points nowhere into the home of root where it is another’s', () => {
    expect(buildUserEnv({ ...buildUser, prefix: ['/usr/bin/setpriv', '--'] }, env)).toStrictEqual({
      PATH: '/usr/bin',
      HOME: '/home/builder',
      USER: 'builder',
      LOGNAME: 'builder',
      LANG: 'C',
      HTTPS_PROXY: 'http://proxy:1',
      DOCKER_CONFIGURATION: 'stays',
    })
  })
})

describe('chooseAccount', () => {
  const wish = { rootless: 'prefer' as const, rootlessUser: undefined }
  const path = { PATH: process.env['PATH'] ?? '' }

  it.each(['prefer', 'require', 'off'] as const)('takes who runs the step, for rootless: %s', async (rootless) => {
    const context = contextOf({ uid: 54321, gid: 54322, home: '/home/me', env: { USER: 'root' } })
    // Its name is not the environment's word: subordinate IDs go by the name.
    expect(await chooseBuildUser({ ...wish, rootless }, context)).toMatchObject({
      name: '54321',
      uid: 54321,
      gid: 54322,
      home: '/home/me',
      prefix: [],
    })
  })

  it('takes root only where rootless is off, and says so', async () => {
    const buildUser = await chooseBuildUser({ ...wish, rootless: 'off' }, contextOf({ uid: 0, gid: 0, home: '/root' }))
    expect(buildUser).toStrictEqual({
      name: 'root',
      uid: 0,
      gid: 0,
      home: '/root',
      prefix: [],
      reason: 'the step runs as root and `rootless` is `off`',
    })
  })

  it('drops from root to the account that called sudo', async () => {
    const nobody = parsePasswd(readFileSync('/etc/passwd', 'utf8'), 'nobody')
    const context = contextOf({ uid: 0, gid: 0, home: '/root', sudoUid: nobody?.uid, env: path })
    const buildUser = await chooseBuildUser(wish, context)
    expect(buildUser).toMatchObject({ ...nobody, reason: 'the step runs as root through sudo from this account' })
    expect(buildUser.prefix[0]).toMatch(/\/setpriv$/)
    expect(buildUser.prefix.slice(1)).toStrictEqual([
      `--reuid=${nobody?.uid ?? ''}`,
      `--regid=${nobody?.gid ?? ''}`,
      '--init-groups',
      '--inh-caps=-all',
      '--',
    ])
  })

  it('goes by the input before sudo', async () => {
    const context = contextOf({ uid: 0, gid: 0, sudoUid: 54321, env: path })
    const buildUser = await chooseBuildUser({ ...wish, rootlessUser: 'nobody' }, context)
    expect(buildUser.name).toBe('nobody')
    expect(buildUser.reason).toContain('"rootless-user"')
  })

  it.each([
    ['nobody-of-this-name', /^Input "rootless-user": got "nobody-of-this-name", but this machine has no such user\.$/],
    ['root', /^Input "rootless-user": got "root", which is root\.$/],
    ['0', /^Input "rootless-user": got "0", which is root\.$/],
    ['--help', /^Input "rootless-user": got "--help", but this machine has no such user\.$/],
    ['x; rm -rf /', /^Input "rootless-user": got "x; rm -rf \/", but this machine has no such user\.$/],
  ])('refuses %j as the account', async (rootlessUser, message) => {
    const error = await rejection(chooseBuildUser({ ...wish, rootlessUser }, contextOf({ uid: 0, gid: 0, env: path })))
    expect(error.message).toMatch(message)
    // The line to paste makes an account, and is none of the user's own words where these aren't a name for one.
    expect(error.hint).toMatch(/useradd --create-home (nobody-of-this-name|builder)`/)
  })

  it('refuses another account where the step isn’t root', async () => {
    const error = await rejection(chooseBuildUser({ ...wish, rootlessUser: 'builder' }, contextOf()))
    expect(describeError(error)).toBe(
      'Input "rootless-user": got "builder", but the step doesn\'t run as root, so it can\'t become another user.\n' +
        'Remove the input: the build already runs without root.',
    )
  })

  it('says what is missing where root can’t drop its rights', async () => {
    const error = await rejection(chooseBuildUser({ ...wish, rootlessUser: 'nobody' }, contextOf({ uid: 0, gid: 0 })))
    expect(error.message).toContain('setpriv is missing')
    expect(error.hint).toContain('rootless: off')
  })
})

describe('chooseBuilder', () => {
  const path = { PATH: process.env['PATH'] ?? '' }

  it.each([
    ['engine: docker', { engine: 'docker' as const, builder: undefined }],
    ['builder', { engine: 'auto' as const, builder: 'two' }],
  ])('leaves the step as who it is for Docker’s engine, by %s', async (_, wish) => {
    const context = contextOf({ uid: 0, gid: 0, home: '/root', env: path })
    const account = await chooseBuilder({ rootless: 'prefer', rootlessUser: undefined, ...wish }, context)
    expect(account).toMatchObject({ uid: 0, prefix: [], reason: 'the user who runs the step' })
  })
})
