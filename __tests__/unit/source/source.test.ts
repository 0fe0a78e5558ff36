import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { describe as describeError } from '../../../src/errors.js'
import { type GitContext, parseGitContext, plainContext } from '../../../src/source/git-url.js'
import { findSource, isPath, withGitContexts } from '../../../src/source/source.js'
import { eventOf, everythingOf, inputsOf, refusal, rejection, temporaryFolder } from '../helpers.js'

describe('parseGitContext', () => {
  const git = (url: string, ref = 'HEAD', folder = '') => ({ url, ref, folder })

  it.each<[string, GitContext]>([
    ['https://github.com/acme/web.git', git('https://github.com/acme/web.git')],
    ['http://host/acme/web.git#main', git('http://host/acme/web.git', 'main')],
    ['https://host/acme/web.git#v1.2.3:sub/folder', git('https://host/acme/web.git', 'v1.2.3', 'sub/folder')],
    ['https://host/acme/web.git#:sub', git('https://host/acme/web.git', 'HEAD', 'sub')],
    ['https://host/acme/web.git#', git('https://host/acme/web.git')],
    ['https://host/acme/web.git#refs/pull/5/merge', git('https://host/acme/web.git', 'refs/pull/5/merge')],
    ['https://host/acme/web.git#release+1@x:a b/ü', git('https://host/acme/web.git', 'release+1@x', 'a b/ü')],
    ['https://host/w.git#feature/größe-日本:sub', git('https://host/w.git', 'feature/größe-日本', 'sub')],
    ['https://host/w.git#main:a:b#c', git('https://host/w.git', 'main', 'a:b#c')],
    ['git://host/acme/web', git('git://host/acme/web')],
    ['ssh://git@host:2222/acme/web#main', git('ssh://git@host:2222/acme/web', 'main')],
    ['git@github.com:acme/web.git#main:sub', git('git@github.com:acme/web.git', 'main', 'sub')],
    ['github.com/acme/web', git('https://github.com/acme/web.git')],
    ['github.com/acme/web#main:sub', git('https://github.com/acme/web.git', 'main', 'sub')],
    ['https://host/w.git#main:..hidden/a..b', git('https://host/w.git', 'main', '..hidden/a..b')],
  ])('%s', (context, expected) => {
    expect(parseGitContext(context)).toStrictEqual(expected)
  })

  it.each([
    '.',
    './app',
    '/abs/path',
    'sub#1',
    'my@folder',
    'github.com',
    'github.com/acme',
    './github.com/acme/web',
    'git',
    'a:b',
    // what could make Git run something isn't a URL here, and so a folder that doesn't exist
    'ext::sh -c id',
    'file:///etc',
    '--upload-pack=id',
    'https:/host/w.git',
  ])('%j is a path', (context) => {
    expect(parseGitContext(context)).toBeUndefined()
  })

  it.each([
    ['a ref that is an option', 'https://host/w.git#--upload-pack=id'],
    ['a ref that is a short option', 'https://host/w.git#-x'],
    ['a ref with a space', 'https://host/w.git#a b'],
    ['a ref of several', 'https://host/w.git#a..b~1^{}'],
    ['a refspec', 'https://host/w.git#+refs/heads/*:sub'],
    ['a line break', 'https://host/w.git#main\n::error::x'],
    ['a command', 'https://host/w.git#$(id)'],
    ['a way out', 'https://host/w.git#main:../..'],
    ['a way out in the middle', 'https://host/w.git#main:a/../../b'],
    ['a way out at the end', 'https://host/w.git#main:a/..'],
    ['an absolute folder', 'https://host/w.git#main:/etc'],
  ])('refuses %s, with the line to paste', (_, context) => {
    const error = refusal(() => parseGitContext(context))
    expect(error.message).toContain(`Input "context": got ${JSON.stringify(context)}.`)
    expect(error.hint).toBe('Write `context: https://host/w.git#main:path/of/folder`.')
  })

  it.each(['https://host/acme/web', 'https://host/x.tar.gz#main', 'http://host/'])(
    'refuses %s, which no repository is known by',
    (context) => {
      const error = refusal(() => parseGitContext(context))
      expect(error.message).toContain(`Input "context": got ${JSON.stringify(context)}.`)
      expect(error.message).toContain('end with .git')
    },
  )

  it.each([
    'https://host/x.tar.gz',
    'https://host/x.tar.gz?token=1',
    'https://github.com/acme/web/archive/refs/heads/main.tar.gz',
    'https://api.github.com/repos/acme/web/tarball/main',
    'https://host/x.ZIP#main',
  ])('refuses %s, which is an archive, with what to do', (context) => {
    for (const refuse of [parseGitContext, (text: string) => plainContext(text, undefined)]) {
      const error = refusal(() => refuse(context))
      expect(error.message).toContain(`Input "context": got ${JSON.stringify(context)}. That is an archive`)
      expect(error.hint).toContain('write `context: archive`')
    }
  })

  it('names the repository that a URL without .git may mean', () => {
    expect(refusal(() => parseGitContext('https://host/acme/web/?ref=main')).hint).toContain(
      'Write `context: https://host/acme/web.git`',
    )
  })

  it.each(['https://me:hunter2@host/web', 'https://hunter2@host/web.git#-x', 'https://me:hunter2@host/web.git#:/etc'])(
    'shows no password of %s',
    (context) => {
      expect(everythingOf(refusal(() => parseGitContext(context)))).not.toContain('hunter2')
    },
  )

  // It would stand in the arguments of Git, where every process of the machine can read it, and in the log.
  it.each([
    ...['https://me:hunter2@host/web.git', 'https://hunter2@host/web.git#main', 'ssh://me:hunter2@host/web.git'],
    ...['HTTPS://me:hunter2@host/web.git', 'Ssh://me:hunter2@host/web.git', 'me:hunter2@host/web.git'],
  ])('refuses %s, which has a password in it, and shows none of it', (context) => {
    const error = refusal(() => parseGitContext(context))
    expect(error.hint).toContain('actions/checkout')
    expect(everythingOf(error)).not.toContain('hunter2')
  })
})

describe('plainContext', () => {
  const own = 'https://github.com/acme/web.git#abc'

  it.each<[written: string, plain: string]>([
    ['https://host/a/b.git?ref=main&subdir=x', 'https://host/a/b.git#main:x'],
    ['https://host/a/b.git?subdir=/x/y&ref=pull/42/head', 'https://host/a/b.git#pull/42/head:x/y'],
    ['https://host/b.git?branch=a', 'https://host/b.git#refs/heads/a'],
    ['https://host/b.git?tag=v1', 'https://host/b.git#refs/tags/v1'],
    ['https://host/b.git?commit=abc', 'https://host/b.git#abc'],
    ['https://host/b.git?checksum=abc', 'https://host/b.git#abc'],
    ['https://host/b.git?subdir=my%20app', 'https://host/b.git#:my app'],
    ['https://host/b.git?', 'https://host/b.git#'],
    ['ssh://git@host/b?ref=main', 'ssh://git@host/b#main'],
    ['github.com/acme/web?tag=v1', 'github.com/acme/web#refs/tags/v1'],
    ['{{defaultContext}}', own],
    ['{{ defaultContext }}', own],
    ['{{defaultContext}}:docker/web', `${own}:docker/web`],
    // These are no Git URLs, or none with a query.
    ...['.', 'docker', 'a?b', 'https://host/b.git#main:x?y', '{{other}}', 'docker-image://host/a?b', 'target:a'].map(
      (text): [string, string] => [text, text],
    ),
  ])('takes %s for %s', (written, plain) => {
    expect(plainContext(written, own)).toBe(plain)
  })

  it.each([
    'https://host/b.git?ref=main&tag=v1',
    'https://host/b.git?ref=a&ref=b',
    'https://host/b.git?ref=a&commit=abc',
    'https://host/b.git?subdir=a&subdir=b',
    'https://host/b.git?ref=main#v1',
    'https://host/b.git?submodules=false',
    'https://host/b.git?Ref=main',
  ])('refuses %s, with a line to paste', (written) => {
    const error = refusal(() => plainContext(written, own))
    expect(error.message).toContain(`Input "context": got ${JSON.stringify(written)}. After ? comes one of`)
    const [, line = ''] = /`context: (.*?)`/.exec(error.hint ?? '') ?? []
    expect(plainContext(line, own)).toBe('https://host/b.git#main:path/of/folder')
  })

  it.each([
    ['a ref that is an option', 'https://host/w.git?ref=--upload-pack%3Did'],
    ['a way out', 'https://host/w.git?ref=main&subdir=../..'],
    ['a way out of the repository of the run', '{{defaultContext}}:../..'],
    ['an absolute folder of the repository of the run', '{{defaultContext}}:/etc'],
    ['a refspec', 'https://host/w.git?ref=%2Brefs/heads/*:x'],
  ])('refuses %s', (_, written) => {
    expect(refusal(() => plainContext(written, own)).message).toContain('Input "context": got ')
  })

  it.each(['https://me:hunter2@host/w.git?ref=main', 'https://me:hunter2@host/w.git?ref=a&tag=b'])(
    'refuses %s, and shows nothing of its password',
    (written) => {
      expect(everythingOf(refusal(() => plainContext(written, own)))).not.toContain('hunter2')
    },
  )

  it('says where the runner doesn’t know the repository', () => {
    const error = refusal(() => plainContext('{{defaultContext}}:x', undefined))
    expect(error.message).toContain('Input "context": got "{{defaultContext}}:x", but the runner')
    expect(error.hint).toContain('`context: .`')
  })
})

describe('withGitContexts', () => {
  const values = { context: '{{defaultContext}}:web', 'build-contexts': 'lib={{defaultContext}}:lib\nsrc=src' }
  const contextsOf = (changes: Parameters<typeof eventOf>[0]) => {
    const { context, buildContexts } = withGitContexts(inputsOf(values), eventOf(changes))
    return [context, ...buildContexts.map(({ value }) => value)]
  }

  it('names the commit of the run, and of a pull request its merge', () => {
    const url = 'https://github.com/acme/web.git'
    const sha = 'a'.repeat(40)
    expect(contextsOf({})).toStrictEqual([`${url}#${sha}:web`, `${url}#${sha}:lib`, 'src'])
    const ref = 'refs/pull/7/merge'
    expect(contextsOf({ ref })).toStrictEqual([`${url}#${ref}:web`, `${url}#${ref}:lib`, 'src'])
  })

  it('names the input of what can’t be fetched', () => {
    const inputs = inputsOf({ 'build-contexts': 'lib=https://host/x.tar.gz' })
    expect(refusal(() => withGitContexts(inputs, eventOf())).message).toContain('Input "build-contexts": got ')
  })
})

describe('isPath', () => {
  it.each(['../lib', '/abs', '.', 'github.com', 'ext::sh -c id', 'a:b'])('%s is one', (value) => {
    expect(isPath(value)).toBe(true)
  })

  it.each(['docker-image://alpine', 'https://host/x.tar.gz', 'HTTPS://host/x', 'git@host:a/b.git', 'oci-layout://x'])(
    '%s is none',
    (value) => {
      expect(isPath(value)).toBe(false)
    },
  )
})

/** A workspace with these files. */
function workspaceOf(files: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

describe('findSource', () => {
  const find = async (
    files: Readonly<Record<string, string>>,
    values: Readonly<Record<string, string>> = {},
    context?: string,
  ) => {
    const workspace = workspaceOf(files)
    const inputs = inputsOf(values)
    const source = await findSource(inputs, workspace, context && join(workspace, context))
    return {
      context: source.context.replace(workspace, ''),
      file: source.file.replace(workspace, ''),
      target: source.target,
      bases: source.dockerfile.stages.map(({ base }) => base),
    }
  }

  it.each([
    ['Dockerfile', { Dockerfile: 'FROM a' }, {}, ['', '/Dockerfile', 'a']],
    ['Containerfile goes first', { Dockerfile: 'FROM a', Containerfile: 'FROM b' }, {}, ['', '/Containerfile', 'b']],
    ['a folder of the name is no file', { 'Containerfile/x': '', Dockerfile: 'FROM a' }, {}, ['', '/Dockerfile', 'a']],
    ['in the context', { 'app/Dockerfile': 'FROM a' }, { context: 'app' }, ['/app', '/app/Dockerfile', 'a']],
    [
      'a context with a space',
      { 'my app/Dockerfile': 'FROM a' },
      { context: './my app/' },
      ['/my app', '/my app/Dockerfile', 'a'],
    ],
    [
      'file is relative to the workspace',
      { 'docker/web': 'FROM a', 'app/x': '' },
      { context: 'app', file: 'docker/web' },
      ['/app', '/docker/web', 'a'],
    ],
    [
      'a context above',
      { 'app/sub/x': '', 'app/Dockerfile': 'FROM a' },
      { context: 'app/sub/..' },
      ['/app', '/app/Dockerfile', 'a'],
    ],
  ])('%s', async (_, files, values, [context, file, base]) => {
    expect(await find(files as Record<string, string>, values as Record<string, string>)).toStrictEqual({
      context,
      file,
      target: undefined,
      bases: [base],
    })
  })

  it('takes absolute paths as they are', async () => {
    const outside = workspaceOf({ File: 'FROM a', 'app/x': '' })
    const source = await findSource(
      inputsOf({ context: join(outside, 'app'), file: join(outside, 'File') }),
      workspaceOf({}),
    )
    expect([source.context, source.file]).toStrictEqual([join(outside, 'app'), join(outside, 'File')])
  })

  it('file is relative to the context where that was fetched', async () => {
    const files = { 'fetched/docker/web': 'FROM a' }
    const values = { context: 'https://host/w.git', file: 'docker/web' }
    expect(await find(files, values, 'fetched')).toMatchObject({ context: '/fetched', file: '/fetched/docker/web' })
  })

  it.each([
    ['Build', 'Build'],
    ['build', 'Build'],
    ['1', '1'],
  ])('target %s is stage %s', async (target, expected) => {
    const files = { Dockerfile: 'FROM a AS Build\nFROM b' }
    expect((await find(files, { target })).target).toBe(expected)
  })

  it('names stages as they name themselves, in the text for Buildah as well', async () => {
    const workspace = temporaryFolder()
    const text = (from: string) => `FROM a AS Node\nFROM a\nCOPY --from=${from} /o /o\n`
    for (const name of ['Dockerfile', 'Dockerfile.in']) writeFileSync(join(workspace, name), text('node'))
    const { spelled, dockerfile } = await findSource(inputsOf({}), workspace)
    expect(spelled).toBe(text('Node'))
    expect(dockerfile.stages[1]?.instructions[0]?.flags).toStrictEqual([{ name: 'from', value: 'Node' }])
    // A preprocessor reads this one first.
    expect(await findSource(inputsOf({ file: 'Dockerfile.in' }), workspace)).not.toHaveProperty('spelled')
  })

  it('leaves platforms the value that they have, in the text for Buildah as well', async () => {
    const text = (value: string) => `FROM a AS Node\nARG TARGETPLATFORM${value}\nFROM node\nRUN --mount=src=x y\n`
    const workspace = temporaryFolder()
    writeFileSync(join(workspace, 'Dockerfile'), text('=linux/arm64'))
    const { spelled, dockerfile } = await findSource(inputsOf({ platforms: 'linux/arm64' }), workspace)
    expect(spelled).toBe(text('').replace('FROM node', 'FROM Node').replace('src=x', 'src=x,target=.'))
    expect(dockerfile.stages[0]?.instructions[0]?.argument).toBe('TARGETPLATFORM')
  })

  it('lists the stages where the target is none of them', async () => {
    const files = { Dockerfile: 'FROM a AS build\nFROM b\nFROM c AS final' }
    const error = await rejection(find(files, { target: 'finale' }))
    expect(error.message).toMatch(/^Input "target": got "finale", but \/.*\/Dockerfile has no such stage\.$/)
    expect(error.hint).toBe('Its stages: build, 1, final.')
  })

  it('lists where it has looked for a Dockerfile', async () => {
    const workspace = workspaceOf({ 'app/x': '' })
    const error = await rejection(findSource(inputsOf({ context: 'app' }), workspace))
    expect(describeError(error)).toBe(
      `Input "file" is missing, and no Dockerfile was found. Looked for:\n  ${workspace}/app/Containerfile\n  ${workspace}/app/Dockerfile\n` +
        'Write its path: `file: path/of/Dockerfile`, relative to the workspace.',
    )
  })

  it('says that nothing was checked out where the context is empty', async () => {
    const error = await rejection(findSource(inputsOf({ file: 'web/Dockerfile' }), workspaceOf({})))
    expect(describeError(error)).toMatch(
      /\nThe workspace is empty: add `- uses: actions\/checkout@v7` before this step\.$/,
    )
  })

  it('lists where it has looked for the file that is named', async () => {
    const workspace = workspaceOf({ Dockerfile: 'FROM a' })
    const error = await rejection(findSource(inputsOf({ file: 'Dockerfil' }), workspace))
    expect(describeError(error)).toBe(
      `Input "file": got "Dockerfil", but there is no such file. Looked for:\n  ${workspace}/Dockerfil\n` +
        'There is one at Dockerfile. Write `file: Dockerfile`.',
    )
  })

  it('sees when the file was meant relative to the context', async () => {
    const error = await rejection(find({ 'app/docker/web': 'FROM a' }, { context: 'app', file: 'docker/web' }))
    expect(error.hint).toBe('The path is relative to the workspace, not to the context. Write `file: app/docker/web`.')
  })

  it.each([
    [
      'a context that isn’t there',
      { context: 'nowhere' },
      /Input "context": got "nowhere", but there is no folder \/.*\/nowhere\./,
      /actions\/checkout/,
    ],
    [
      'a context that is a file',
      { context: 'Dockerfile' },
      /Input "context": got "Dockerfile"/,
      /relative to the workspace/,
    ],
    ['a file that is a folder', { file: 'folder' }, /Input "file": got "folder"/, /Write `file: Dockerfile`/],
    [
      'a secret file that isn’t there',
      { 'secret-files': 'key=keys/a' },
      /Input "secret-files": the file of "key", \/.*\/keys\/a, doesn't exist\./,
      /relative to the workspace/,
    ],
    [
      'a secret file that is a folder',
      { 'secret-files': 'key=folder' },
      /Input "secret-files"/,
      /relative to the workspace/,
    ],
    [
      'a further context that isn’t there',
      { 'build-contexts': 'lib=../nowhere' },
      /Input "build-contexts": "lib" is "\.\.\/nowhere", but there is no folder \/.*\/nowhere\./,
      /docker-image:\/\/reference/,
    ],
    [
      'a further context that is a file',
      { 'build-contexts': 'lib=Dockerfile' },
      /Input "build-contexts"/,
      /docker-image/,
    ],
    [
      'a further context that is a bad URL',
      { 'build-contexts': 'lib=git@host:a/b.git#-x' },
      /Input "build-contexts"/,
      /main/,
    ],
  ])('refuses %s', async (_, values, message, hint) => {
    const files = { Dockerfile: 'FROM a', 'folder/x': '' }
    const error = await rejection(find(files, values))
    expect(error.message).toMatch(message)
    expect(error.hint).toMatch(hint)
  })

  it('follows a link to the context', async () => {
    const workspace = workspaceOf({ 'real/Dockerfile': 'FROM a' })
    symlinkSync('real', join(workspace, 'app'))
    const source = await findSource(inputsOf({ context: 'app' }), workspace)
    expect([source.context, source.file]).toStrictEqual([join(workspace, 'real'), join(workspace, 'real/Dockerfile')])
  })

  it.each([
    ['inside', 'sub/Real', true],
    ['to a file outside', '/etc/hostname', false],
  ])('a Dockerfile of the checkout that is a link %s', async (_, target, isAllowed) => {
    const workspace = workspaceOf({ 'sub/Real': 'FROM a' })
    symlinkSync(target, join(workspace, 'Dockerfile'))
    const found = findSource(inputsOf({}), workspace)
    if (isAllowed) expect((await found).dockerfile.stages).toHaveLength(1)
    else
      expect((await rejection(found)).message).toMatch(/Dockerfile \/.* is a link to \/etc\/hostname, which is outside/)
  })

  it.each([
    ['inside', '../rules', true],
    ['to a file outside', '/etc/hostname', false],
  ])('an ignore file of the checkout that is a link %s', async (_, target, isAllowed) => {
    const workspace = workspaceOf({ rules: 'a', 'app/Dockerfile': 'FROM a' })
    symlinkSync(target, join(workspace, 'app/.dockerignore'))
    const found = findSource(inputsOf({ context: 'app' }), workspace)
    const path = join(workspace, 'app/.dockerignore')
    if (isAllowed) expect((await found).ignoreFile).toStrictEqual({ path, text: 'a' })
    else
      expect((await rejection(found)).message).toMatch(
        /ignore file \/.* is a link to \/etc\/hostname, which is outside/,
      )
  })

  it('an ignore file that is none is not read', async () => {
    const workspace = workspaceOf({ Dockerfile: 'FROM a', '.dockerignore/x': '' })
    const path = join(workspace, '.dockerignore')
    expect((await findSource(inputsOf({}), workspace)).ignoreFile).toStrictEqual({ path, text: undefined })
    rmSync(path, { recursive: true })
    execFileSync('mkfifo', [path])
    expect((await findSource(inputsOf({}), workspace)).ignoreFile).toStrictEqual({ path, text: undefined })
  })

  it('checks the keys of ssh', async () => {
    const files = { Dockerfile: 'FROM a', 'keys/a': '' }
    await expect(find(files, { ssh: 'default\ngit=keys/a' })).resolves.toMatchObject({ file: '/Dockerfile' })
    const error = await rejection(find(files, { ssh: 'git=keys/a,keys/b' }))
    expect(error.message).toMatch(/^Input "ssh": got "git=keys\/a,keys\/b", but there is no \/.*\/keys\/b\.$/)
  })

  it('leaves what isn’t a path to Buildah', async () => {
    const values = {
      'build-contexts': 'a=docker-image://alpine:3.20\nb=https://host/x.tar.gz\nc=git@host:acme/web.git#main',
    }
    await expect(find({ Dockerfile: 'FROM a' }, values)).resolves.toMatchObject({ file: '/Dockerfile' })
  })
})
