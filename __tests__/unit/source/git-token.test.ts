import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { withGitToken } from '../../../src/source/git-token.js'
import { Secret } from '../../../src/lib/secret.js'
import { fetchGitContext } from '../../../src/source/source.js'
import { type GitServer, serveGit } from '../../harness/git-http.js'
import { everythingOf, rejection, temporaryFolder } from '../helpers.js'

const token = new Secret('ghs_0123456789')
const LOGIN = `x-access-token:${token.reveal()}`
const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' }

describe('withGitToken', () => {
  const names = (url: string, server = 'https://github.com', own = {}) =>
    Object.keys(withGitToken(own, url, { token, server }))

  it.each([
    ['https://github.com/acme/web.git', 'https://github.com'],
    ['https://GitHub.com/acme/web.git', 'https://github.com/'],
    ['https://github.com:443/acme/web.git', 'https://github.com'],
    ['https://git.acme.example:8443/acme/web.git', 'https://git.acme.example:8443'],
  ])('gives the token for %s on %s', (url, server) => {
    expect(names(url, server)).toHaveLength(4)
  })

  it.each([
    ['https://gitlab.com/acme/web.git', 'https://github.com'],
    ['https://github.com.evil.example/acme/web.git', 'https://github.com'],
    ['https://github.com@evil.example/acme/web.git', 'https://github.com'],
    ['https://evil.example/https://github.com/acme/web.git', 'https://github.com'],
    ['https://sub.github.com/acme/web.git', 'https://github.com'],
    ['http://github.com/acme/web.git', 'https://github.com'],
    ['https://github.com:8443/acme/web.git', 'https://github.com'],
    ['git://github.com/acme/web.git', 'https://github.com'],
    ['git@github.com:acme/web.git', 'https://github.com'],
    ['ssh://git@github.com/acme/web.git', 'https://github.com'],
    ['https://github.com/acme/web.git', 'github.com'],
    ['https://github.com/acme/web.git', ''],
  ])('gives nothing for %s on %s', (url, server) => {
    expect(names(url, server)).toStrictEqual([])
  })

  it('gives nothing where there is no token', () => {
    expect(withGitToken(env, 'https://github.com/a/b.git', { token: undefined, server: 'https://github.com' })).toBe(
      env,
    )
  })

  it('leaves what the user has configured by variables', () => {
    const own = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'http.proxy', GIT_CONFIG_VALUE_0: 'http://proxy' }
    const got = withGitToken(own, 'https://github.com/a/b.git', { token, server: 'https://github.com' })
    expect(got).toMatchObject({
      ...own,
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_1: 'credential.https://github.com.helper',
    })
  })

  it('has the token in one variable, and in no configuration', () => {
    const got = withGitToken({}, 'https://github.com/a/b.git', { token, server: 'https://github.com' })
    expect(Object.values(got).filter((value) => value.includes(token.reveal()))).toStrictEqual([token.reveal()])
  })
})

describe('a Git context on the server of the run', () => {
  const root = temporaryFolder()
  const servers: GitServer[] = []
  const serve = async (login?: string) => {
    const server = await serveGit(root, login)
    servers.push(server)
    return server
  }
  const git = (cwd: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Tests', '-c', 'user.email=tests@example.com', ...args], { cwd, env })

  const repository = (name: string, files: Readonly<Record<string, string>>) => {
    const work = temporaryFolder()
    git(work, 'init', '--quiet', '--initial-branch=main')
    for (const [path, text] of Object.entries(files)) writeFileSync(join(work, path), text)
    git(work, 'add', '.')
    git(work, 'commit', '--quiet', '--message', 'x')
    git(root, 'clone', '--quiet', '--bare', work, name)
    return work
  }

  const fetch = async (url: string, server: GitServer, own: typeof env = env) => {
    const into = temporaryFolder()
    const log = join(temporaryFolder(), 'arguments')
    const prefix = ['/bin/sh', '-c', `echo "$@" >>'${log}'; exec "$@"`, '--']
    const git = withGitToken(own, url, { token, server: server.origin })
    await fetchGitContext({ url, ref: 'main', folder: '' }, into, { prefix, env: git })
    return { into, argv: readFileSync(log, 'utf8') }
  }

  beforeAll(() => {
    repository('web.git', { Dockerfile: 'FROM scratch' })
  })

  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => server.close()))
  })

  afterAll(() => {
    expect(servers).toHaveLength(0)
  })

  it('is fetched with the token where it is private, which is in no argument and no file', async () => {
    const server = await serve(LOGIN)
    const { into, argv } = await fetch(`${server.origin}/web.git`, server)
    expect(readFileSync(join(into, 'Dockerfile'), 'utf8')).toBe('FROM scratch')
    expect(server.logins).toContain(LOGIN)
    expect(argv).not.toContain(token.reveal())
    expect(readdirSync(into)).toStrictEqual(['Dockerfile'])
  })

  it('is fetched without a login where anybody may read it', async () => {
    const server = await serve()
    await fetch(`${server.origin}/web.git`, server)
    expect(new Set(server.logins)).toStrictEqual(new Set(['']))
  })

  it('is fetched with what the user has configured first', async () => {
    const server = await serve('ada:lovelace')
    const home = temporaryFolder()
    writeFileSync(
      join(home, '.gitconfig'),
      `[url "${server.origin.replace('//', '//ada:lovelace@')}/"]\n\tinsteadOf = ${server.origin}/\n`,
    )
    await fetch(`${server.origin}/web.git`, server, { ...env, HOME: home })
    expect(server.logins).not.toContain(LOGIN)
  })

  it('has a login that is refused told without the token', async () => {
    const server = await serve('x-access-token:another')
    const error = await rejection(fetch(`${server.origin}/web.git`, server))
    expect(error.hint).toContain('`github-token: ${{ secrets.GIT_TOKEN }}`')
    expect(everythingOf(error)).not.toContain(token.reveal())
  })

  it('gives the token to no other server, not for a submodule either', async () => {
    const [own, other] = [await serve(LOGIN), await serve('somebody:else')]
    await rejection(fetch(`${other.origin}/web.git`, own))
    const work = repository('part.git', { part: 'part' })
    mkdirSync(join(work, 'sub'))
    const name = `with-part-${new URL(other.origin).port}`
    writeFileSync(join(work, '.gitmodules'), `[submodule "sub"]\n\tpath = sub\n\turl = ${other.origin}/web.git\n`)
    const head = execFileSync('git', ['-C', join(root, 'web.git'), 'rev-parse', 'main'])
      .toString()
      .trim()
    git(work, 'update-index', '--add', '--cacheinfo', `160000,${head},sub`)
    git(work, 'add', '.gitmodules')
    git(work, 'commit', '--quiet', '--message', 'with a submodule')
    git(root, 'clone', '--quiet', '--bare', work, `${name}.git`)
    await rejection(fetch(`${own.origin}/${name}.git`, own))
    expect(own.logins).toContain(LOGIN)
    expect(other.logins.filter((login) => login !== '')).toStrictEqual([])
    expect(other.logins.length).toBeGreaterThan(1)
  })
})
