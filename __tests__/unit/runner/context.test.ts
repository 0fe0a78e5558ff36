import { tmpdir } from 'node:os'
import { describe, expect, it } from '@jest/globals'
import { completeProxies, programEnvironment, readContext, serviceEnvironment } from '../../../src/runner/context.js'

describe('readContext', () => {
  it('takes what the runner tells', () => {
    const environment = {
      GITHUB_WORKSPACE: '/home/runner/_work/web/web',
      RUNNER_TEMP: '/home/runner/_work/_temp',
      RUNNER_TOOL_CACHE: '/opt/hostedtoolcache',
      RUNNER_ENVIRONMENT: 'github-hosted',
      GITHUB_SERVER_URL: 'https://git.acme.example',
      GITHUB_ACTION_REPOSITORY: 'acme/rootless',
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
        GITHUB_SERVER_URL: 'https://git.acme.example',
        GITHUB_ACTION_REPOSITORY: 'acme/rootless',
        HOME: '/home/runner',
        PATH: '/usr/bin',
      },
      event: expect.objectContaining({ name: '', fork: false }),
      server: 'https://git.acme.example',
      now: expect.any(Date),
      hasSummary: false,
      artifacts: undefined,
      idTokens: undefined,
      cacheService: undefined,
      cacheMode: undefined,
      serviceEnv: expect.objectContaining({ HOME: '/home/runner' }),
      inPod: false,
      act: false,
      cacheWorker: expect.stringMatching(/^\/.*\/cache-worker\/index\.js$/),
      buildahManifest: expect.stringMatching(/^\/.*\/buildah\.json$/),
      actionRepository: 'https://git.acme.example/acme/rootless/',
    })
  })

  it.each([
    ['of another repository', { GITHUB_ACTION_REPOSITORY: 'acme/rootless' }, 'https://github.com/acme/rootless/'],
    ['by a path', { GITHUB_ACTION_REPOSITORY: '' }, 'https://github.com/acme/web/'],
  ])('knows the repository of an action %s', (_, environment, expected) => {
    expect(readContext({ GITHUB_REPOSITORY: 'acme/web', ...environment }).actionRepository).toBe(expected)
  })

  it('knows both files of artifacts, or none', () => {
    const files = { GITHUB_ARTIFACTS: '/f/artifacts', GITHUB_ARTIFACTS_LIST: '/f/list' }
    expect(readContext(files).artifacts).toStrictEqual({ declared: '/f/artifacts', list: '/f/list' })
    expect(readContext({ ...files, GITHUB_ARTIFACTS_LIST: '' }).artifacts).toBeUndefined()
  })

  it('knows where identity tokens come from, and shows nothing of what they are asked with', () => {
    const service = {
      ACTIONS_ID_TOKEN_REQUEST_URL: 'https://tokens.example/?a=1',
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'hunter2',
    }
    const { idTokens, env, serviceEnv } = readContext(service)
    expect([idTokens?.url, idTokens?.token.reveal()]).toStrictEqual(['https://tokens.example/?a=1', 'hunter2'])
    expect(JSON.stringify({ idTokens, env, serviceEnv })).not.toContain('hunter2')
    for (const name of Object.keys(service)) expect(readContext({ ...service, [name]: '' }).idTokens).toBeUndefined()
    expect(readContext({ ...service, ACTIONS_ID_TOKEN_REQUEST_URL: 'tokens' }).idTokens).toBeUndefined()
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
      event: {
        name: '',
        ref: '',
        baseRef: undefined,
        defaultBranch: undefined,
        fork: false,
        repository: '',
        names: expect.objectContaining({ sha: '' }),
        unique: expect.stringMatching(/^[0-9a-f]{12}$/),
        ...{ run: '', attempt: '1' },
      },
      server: 'https://github.com',
      now: expect.any(Date),
      hasSummary: false,
      artifacts: undefined,
      idTokens: undefined,
      cacheService: undefined,
      cacheMode: undefined,
      serviceEnv: {},
      inPod: false,
      act: false,
      cacheWorker: expect.stringMatching(/^\/.*\/cache-worker\/index\.js$/),
      buildahManifest: expect.stringMatching(/^\/.*\/buildah\.json$/),
      actionRepository: 'https://github.com/',
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

describe('the cache service that the runner offers', () => {
  const v2 = { ACTIONS_CACHE_SERVICE_V2: 'True', ACTIONS_RESULTS_URL: 'https://r/', ACTIONS_RUNTIME_TOKEN: 't' }
  const v1 = { ACTIONS_CACHE_URL: 'https://c/' }
  const server = (url: string) => ({ GITHUB_SERVER_URL: url })

  it.each<[environment: NodeJS.ProcessEnv, expected: 'v1' | 'v2' | undefined]>([
    [{}, undefined],
    // github.com and its relatives
    [v2, 'v2'],
    [{ ...v2, ...v1 }, 'v2'],
    [{ ...v2, ...server('https://github.com') }, 'v2'],
    [{ ...v2, ...server('https://GitHub.com/') }, 'v2'],
    [{ ...v2, ...server('https://acme.ghe.com') }, 'v2'],
    [{ ...v2, ...server('http://x.localhost:8080') }, 'v2'],
    [{ ...v2, ...server('') }, 'v2'],
    // half of it
    [{ ...v2, ACTIONS_RESULTS_URL: undefined }, undefined],
    [{ ...v2, ACTIONS_RESULTS_URL: '' }, undefined],
    [{ ...v2, ...v1, ACTIONS_RESULTS_URL: undefined }, undefined],
    [{ ...v2, ACTIONS_RUNTIME_TOKEN: undefined }, undefined],
    [{ ...v2, ACTIONS_CACHE_SERVICE_V2: undefined }, undefined],
    [{ ...v2, ACTIONS_CACHE_SERVICE_V2: '' }, undefined],
    // act, Gitea, Forgejo, and GitHub Enterprise Server, which has no v2 whatever it says
    [v1, 'v1'],
    [{ ACTIONS_CACHE_URL: '' }, undefined],
    [{ ...v1, ...server('https://gitea.example.org') }, 'v1'],
    [{ ...v2, ...v1, ...server('https://github.example.org') }, 'v1'],
    [{ ...v2, ...server('https://github.example.org') }, undefined],
    [{ ...v2, ...server('https://notgithub.com') }, undefined],
    [{ ...v2, ...server('https://github.com.example.org') }, undefined],
    [{ ...v2, ...v1, ...server('no url') }, undefined],
  ])('%j: %s', (environment, expected) => {
    expect(readContext(environment).cacheService).toBe(expected)
  })

  it.each([
    ['none', 'none'],
    ['read', 'read'],
    ['write', 'write'],
    ['write-only', 'write-only'],
    [' Read ', 'read'],
    ['', undefined],
    ['all', undefined],
    [undefined, undefined],
  ])('ACTIONS_CACHE_MODE %j is %j', (text, expected) => {
    expect(readContext(text === undefined ? {} : { ACTIONS_CACHE_MODE: text }).cacheMode).toBe(expected)
  })

  it.each([
    ['true', true],
    ['false', false],
    ['', false],
  ])('ACT %j: %s', (text, expected) => {
    expect(readContext({ ACT: text }).act).toBe(expected)
  })
})

describe('serviceEnvironment', () => {
  it('has the way to the cache service beside what programs see, and no other token and no input', () => {
    const mode = {
      ACTIONS_RUNTIME_TOKEN: 'a',
      ACTIONS_RUNTIME_URL: 'b',
      ACTIONS_RESULTS_URL: 'c',
      ACTIONS_CACHE_URL: 'd',
      ACTIONS_CACHE_SERVICE_V2: 'e',
      ACTIONS_CACHE_MODE: 'f',
      PATH: '/usr/bin',
    }
    const environment = {
      ...mode,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'x',
      INPUT_PASSWORD: 'x',
      STATE_A: 'x',
      UNSET: undefined,
    }
    expect(serviceEnvironment(environment)).toStrictEqual(mode)
    expect(readContext(environment).serviceEnv).toStrictEqual(mode)
    expect(readContext(environment).env).toStrictEqual({ PATH: '/usr/bin' })
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

describe('completeProxies', () => {
  it.each([
    ['proxy.corp:3128', 'http://proxy.corp:3128'],
    ['10.0.0.1:3128', 'http://10.0.0.1:3128'],
    ['me:word@proxy.corp:3128', 'http://me:word@proxy.corp:3128'],
    ['proxy.corp', 'http://proxy.corp'],
    ['http://proxy.corp:3128', 'http://proxy.corp:3128'],
    ['https://proxy.corp', 'https://proxy.corp'],
    ['HTTP://proxy.corp', 'HTTP://proxy.corp'],
    ['socks5://proxy.corp:1080', 'socks5://proxy.corp:1080'],
    ['', ''],
  ])('%j becomes %j', (given, expected) => {
    const names = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY']
    const environment = Object.fromEntries([...names, 'NO_PROXY', 'PATH'].map((name) => [name, given]))
    completeProxies(environment)
    const complete = Object.fromEntries(names.map((name) => [name, expected]))
    expect(environment).toStrictEqual({ ...complete, NO_PROXY: given, PATH: given })
  })

  it('sets none that is not there', () => {
    const environment = {}
    completeProxies(environment)
    expect(environment).toStrictEqual({})
  })
})
