import { tmpdir } from 'node:os'
import { describe, expect, it } from '@jest/globals'
import { programEnvironment, readContext } from '../../src/context.js'

describe('readContext', () => {
  it('takes what the runner tells', () => {
    const environment = {
      GITHUB_WORKSPACE: '/home/runner/_work/web/web',
      RUNNER_TEMP: '/home/runner/_work/_temp',
      RUNNER_TOOL_CACHE: '/opt/hostedtoolcache',
      RUNNER_ENVIRONMENT: 'github-hosted',
      HOME: '/home/runner',
      PATH: '/usr/bin',
      INPUT_PASSWORD: 'hunter2',
    }
    expect(readContext(environment)).toStrictEqual({
      workspace: '/home/runner/_work/web/web',
      temp: '/home/runner/_work/_temp',
      toolCache: '/opt/hostedtoolcache',
      userCache: '/home/runner/.cache',
      ephemeral: true,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
      home: '/home/runner',
      sudoUid: undefined,
      env: {
        GITHUB_WORKSPACE: '/home/runner/_work/web/web',
        RUNNER_TEMP: '/home/runner/_work/_temp',
        RUNNER_TOOL_CACHE: '/opt/hostedtoolcache',
        RUNNER_ENVIRONMENT: 'github-hosted',
        HOME: '/home/runner',
        PATH: '/usr/bin',
      },
    })
  })

  it('has a usable default for everything that is missing', () => {
    expect(readContext({})).toStrictEqual({
      workspace: process.cwd(),
      temp: tmpdir(),
      toolCache: undefined,
      userCache: expect.stringMatching(/^\/+\.cache$/),
      ephemeral: false,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
      home: '/',
      sudoUid: undefined,
      env: {},
    })
  })

  it.each([
    ['self-hosted', false],
    ['', false],
    ['github-hosted', true],
  ])('a machine that is %j is thrown away: %s', (runner, ephemeral) => {
    expect(readContext({ RUNNER_ENVIRONMENT: runner }).ephemeral).toBe(ephemeral)
  })

  it('keeps the cache of the machine where the user has it', () => {
    expect(readContext({ HOME: '/home/me', XDG_CACHE_HOME: '/cache' }).userCache).toBe('/cache')
  })

  it.each([
    ['1001', 1001],
    ['0', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['me', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('SUDO_UID %j is %j', (text, expected) => {
    expect(readContext(text === undefined ? {} : { SUDO_UID: text }).sudoUid).toBe(expected)
  })
})

describe('programEnvironment', () => {
  it('keeps inputs, state and the runner’s tokens from programs, and nothing else', () => {
    expect(
      programEnvironment({
        INPUT_PASSWORD: 'hunter2',
        'INPUT_SECRET-FILES': 'x',
        STATE_folder: '/x',
        ACTIONS_RUNTIME_TOKEN: 'hunter2',
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'hunter2',
        ACTIONS_CACHE_URL: 'x',
        UNSET: undefined,
        PATH: '/usr/bin',
        EMPTY: '',
        GITHUB_SHA: 'abc',
        MY_INPUT_X: 'kept',
        INPUTS: 'kept',
        ESTATE_X: 'kept',
      }),
    ).toStrictEqual({
      PATH: '/usr/bin',
      EMPTY: '',
      GITHUB_SHA: 'abc',
      MY_INPUT_X: 'kept',
      INPUTS: 'kept',
      ESTATE_X: 'kept',
    })
  })
})
