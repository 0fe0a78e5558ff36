import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { describe as describeError } from '../../../src/errors.js'
import { fetchGitContext } from '../../../src/source/source.js'
import { rejection, temporaryFolder } from '../helpers.js'

describe('fetchGitContext', () => {
  const env = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' }
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'rib-unit-git-')))
  let daemon: ChildProcess
  let url = ''
  let first = ''

  const git = (cwd: string, ...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Tests', '-c', 'user.email=tests@example.com', ...args], {
      cwd,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim()

  const commit = (folder: string, files: Readonly<Record<string, string>>) => {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), content)
    }
    git(folder, 'add', '.')
    git(folder, 'commit', '--quiet', '--message', 'x')
    return git(folder, 'rev-parse', 'HEAD')
  }

  beforeAll(async () => {
    const port = await freePort()
    url = `git://127.0.0.1:${port}/web`
    const part = join(root, 'part')
    git(root, 'init', '--quiet', '--initial-branch=main', 'part')
    commit(part, { 'part.txt': 'part' })
    const web = join(root, 'web')
    git(root, 'init', '--quiet', '--initial-branch=main', 'web')
    first = commit(web, { Dockerfile: 'FROM first' })
    git(web, 'tag', 'v1')
    commit(web, { Dockerfile: 'FROM second' })
    git(web, 'checkout', '--quiet', '-b', 'feature/x', 'v1')
    symlinkSync('/etc', join(web, 'escape'))
    symlinkSync('sub', join(web, 'inside'))
    commit(web, { 'sub/my app/Dockerfile': 'FROM sub', '..hidden/Dockerfile': 'FROM hidden' })
    for (const [branch, address] of [
      ['with-part', url.replace('/web', '/part')],
      ['with-relative-part', '../part'],
    ] as const) {
      git(web, 'checkout', '--quiet', '-b', branch, 'v1')
      writeFileSync(join(web, '.gitmodules'), `[submodule "part"]\n\tpath = part\n\turl = ${address}\n`)
      if (!existsSync(join(web, 'part'))) git(web, 'clone', '--quiet', part, 'part')
      commit(web, {})
    }
    git(web, 'checkout', '--quiet', 'main')
    const program = join(git(root, '--exec-path'), 'git-daemon')
    const options = ['--export-all', `--base-path=${root}`, '--listen=127.0.0.1', `--port=${port}`, '--reuseaddr']
    daemon = spawn(program, options, { stdio: 'ignore', env })
    await untilServed(url)
  })

  afterAll(() => {
    daemon.kill('SIGKILL')
    rmSync(root, { recursive: true, force: true })
  })

  async function untilServed(repository: string): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        git(root, 'ls-remote', repository)
        return
      } catch (error) {
        if (tries === 100) throw error
        await sleep(50)
      }
    }
  }

  const fetch = async (ref: string, folder = '', prefix: readonly string[] = []) => {
    const into = temporaryFolder()
    const context = await fetchGitContext({ url, ref, folder }, into, { prefix, env })
    return { into, context, read: (name: string) => readFileSync(join(context, name), 'utf8') }
  }

  it.each([
    ['HEAD', 'FROM second'],
    ['main', 'FROM second'],
    ['refs/heads/main', 'FROM second'],
    ['v1', 'FROM first'],
    ['feature/x', 'FROM first'],
  ])('fetches %s', async (ref, expected) => {
    const { into, context, read } = await fetch(ref)
    expect(read('Dockerfile')).toBe(expected)
    expect(context).toBe(into)
    // The history isn't part of the context.
    expect(existsSync(join(into, '.git'))).toBe(false)
  })

  it('fetches a commit by its ID', async () => {
    expect((await fetch(first)).read('Dockerfile')).toBe('FROM first')
  })

  it.each([
    ['a folder', 'sub/my app', 'sub/my app'],
    ['a folder by a link that stays inside', 'inside/my app', 'sub/my app'],
    ['a folder whose name begins with two dots', '..hidden', '..hidden'],
  ])('gives %s as the context', async (_, folder, expected) => {
    const { into, context, read } = await fetch('feature/x', folder)
    expect(context).toBe(join(into, expected))
    expect(read('Dockerfile')).toMatch(/^FROM (sub|hidden)$/)
  })

  it.each(['with-part', 'with-relative-part'])('fetches submodules: %s', async (branch) => {
    expect((await fetch(branch)).read('part/part.txt')).toBe('part')
  })

  it('runs Git as the account', async () => {
    const log = join(temporaryFolder(), 'log')
    const prefix = ['/bin/sh', '-c', `echo "$@" >>'${log}'; exec "$@"`, '--']
    await fetch('main', '', prefix)
    expect(readFileSync(log, 'utf8')).toMatch(/^\/\S+\/git .*init/m)
    expect(readFileSync(log, 'utf8')).toMatch(/^\/\S+\/git .*fetch /m)
  })

  it.each([
    ['leads out of the repository', 'escape'],
    ['leads out of the repository further', 'escape/ssl'],
    ['isn’t there', 'nowhere'],
  ])('refuses a folder that %s', async (_, folder) => {
    const error = await rejection(fetch('feature/x', folder))
    expect(error.message).toBe(`Input "context": ${url} has no folder "${folder}" at feature/x.`)
  })

  it('says what could not be fetched, with Git’s own words', async () => {
    const error = await rejection(fetch('no-such-branch'))
    expect(error.message).toBe(`Input "context": ${url} could not be fetched at no-such-branch.`)
    expect(describeError(error)).toMatch(/Caused by: git fetch ended with exit code 128:\n.*no-such-branch/)
    expect(error.hint).toContain('actions/checkout')
  })

  it('says that Git is missing', async () => {
    const into = temporaryFolder()
    const error = await rejection(
      fetchGitContext({ url, ref: 'main', folder: '' }, into, { prefix: [], env: { PATH: '/nowhere' } }),
    )
    expect(error.message).toContain('git is missing')
    expect(readdirSync(into)).toStrictEqual([])
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
