import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { ContextPath } from '../../../src/dockerfile/dependencies.js'
import { readIgnored } from '../../../src/source/ignored-files.js'
import { type Survey, surveyContext, type SurveyRequest } from '../../../src/source/scan.js'
import { temporaryFolder } from '../helpers.js'
import { runs } from '../../harness/properties.js'

const isRoot = process.getuid?.() === 0

const copy = (path: string): ContextPath => ({ path, mounted: false })
const mount = (path: string): ContextPath => ({ path, mounted: true })

type Files = Readonly<Record<string, string>>

function folderOf(files: Files): string {
  const context = join(temporaryFolder(), 'context')
  mkdirSync(context, { mode: 0o755 })
  for (const [path, content] of Object.entries(files)) put(context, path, content)
  return context
}

/** With modes that no umask changes. */
function put(context: string, path: string, content: string): void {
  mkdirSync(dirname(join(context, path)), { recursive: true })
  writeFileSync(join(context, path), content)
  chmodSync(join(context, path), 0o644)
}

async function look(context: string, paths: readonly ContextPath[], limits?: SurveyRequest['limits']): Promise<Survey> {
  return await surveyContext({
    ...{ context, paths, limits },
    ignores: await readIgnored({ context, file: join(context, 'Dockerfile') }),
  })
}

const digest = async (context: string, ...paths: ContextPath[]) => (await look(context, paths)).digestOf(paths)
const list = async (context: string, ...paths: ContextPath[]) => (await look(context, paths)).listOf(paths)

const FILES: Files = {
  ...{ 'src/a': '1', 'src/b/c': '2', 'conf/x.json': '{}', 'conf/y.txt': 'y', '.git/HEAD': 'ref' },
  ...{ 'log/secret': 's', '.dockerignore': 'log\n.git\n' },
}

type Change = (at: string) => void

describe('the digest', () => {
  // Which of four digests another one is: of all, of a folder, of a pattern, of a mount.
  const looked = { all: copy(''), src: copy('src'), json: copy('conf/*.json'), mounted: mount('') }

  it.each<[what: string, change: Change, changed: (keyof typeof looked)[]]>([
    ['nothing', () => undefined, []],
    [
      'a time',
      (at) => {
        for (const path of ['src/a', 'src/b', 'src', 'conf/x.json']) utimesSync(join(at, path), 1, 1)
      },
      [],
    ],
    [
      'content',
      (at) => {
        put(at, 'src/b/c', '3')
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'content of the same pattern',
      (at) => {
        put(at, 'conf/x.json', '[]')
      },
      ['all', 'json', 'mounted'],
    ],
    [
      'a new file',
      (at) => {
        put(at, 'src/b/d', '')
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'a new file that is hidden',
      (at) => {
        put(at, 'src/.d', '')
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'a new file of the pattern',
      (at) => {
        put(at, 'conf/z.json', '')
      },
      ['all', 'json', 'mounted'],
    ],
    [
      'a file less',
      (at) => {
        rmSync(join(at, 'src/b/c'))
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'another name',
      (at) => {
        renameSync(join(at, 'src/a'), join(at, 'src/z'))
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'a mode',
      (at) => {
        chmodSync(join(at, 'src/a'), 0o755)
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'the mode of a folder',
      (at) => {
        chmodSync(join(at, 'src/b'), 0o700)
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'a bit for another user',
      (at) => {
        chmodSync(join(at, 'src/a'), 0o4644)
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'an empty folder',
      (at) => {
        mkdirSync(join(at, 'src/e'))
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'a link',
      (at) => {
        symlinkSync('a', join(at, 'src/l'))
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'a file that no pattern has',
      (at) => {
        put(at, 'conf/y.txt', 'z')
      },
      ['all', 'mounted'],
    ],
    [
      'an ignored file',
      (at) => {
        put(at, 'log/secret', 't')
      },
      ['mounted'],
    ],
    [
      'a new ignored file',
      (at) => {
        put(at, '.git/index', '')
      },
      ['mounted'],
    ],
    [
      'another name at the same place of the order',
      (at) => {
        renameSync(join(at, 'src/a'), join(at, 'src/aa'))
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'a folder instead of a file',
      (at) => {
        rmSync(join(at, 'src/a'))
        mkdirSync(join(at, 'src/a'))
      },
      ['all', 'src', 'mounted'],
    ],
    [
      'contents that change places',
      (at) => {
        put(at, 'src/a', '2')
        put(at, 'src/b/c', '1')
      },
      ['all', 'src', 'mounted'],
    ],
  ])('by %s', async (_, change, changed) => {
    const context = folderOf(FILES)
    const digests = async () => {
      const survey = await look(context, Object.values(looked))
      return await Promise.all(Object.values(looked).map((path) => survey.digestOf([path])))
    }
    const before = await digests()
    change(context)
    const after = await digests()
    expect(Object.keys(looked).filter((_key, index) => before[index] !== after[index])).toStrictEqual(changed)
  })

  it('by where a link points to', async () => {
    const context = folderOf(FILES)
    symlinkSync('a', join(context, 'src/l'))
    const before = await digest(context, copy('src'))
    rmSync(join(context, 'src/l'))
    symlinkSync('b', join(context, 'src/l'))
    expect(await digest(context, copy('src'))).not.toBe(before)
  })

  it.each([2 ** 20, 2 ** 20 + 1, 3 * 2 ** 20])('by a byte in the midst of %d', async (bytes) => {
    const context = folderOf({ large: '', small: '' })
    truncateSync(join(context, 'large'), bytes)
    const before = await digest(context, copy(''))
    const content = readFileSync(join(context, 'large'))
    content[bytes / 2 - (bytes % 2) / 2] = 1
    writeFileSync(join(context, 'large'), content)
    expect(await digest(context, copy(''))).not.toBe(before)
  })

  it('is the same wherever the context lies', async () => {
    expect(await digest(folderOf(FILES), copy(''))).toBe(await digest(folderOf(FILES), copy('')))
  })

  it('of two paths is about both, each once, in any order', async () => {
    const context = folderOf(FILES)
    const [src, conf] = [copy('src'), copy('conf')]
    const survey = await look(context, [src, conf, copy('src/b')])
    const both = await survey.digestOf([src, conf])
    expect(both).toBe(await survey.digestOf([conf, src, copy('src/b')]))
    expect(new Set([both, await survey.digestOf([src]), await survey.digestOf([conf])]).size).toBe(3)
  })

  it('of nothing is always the same', async () => {
    expect(await digest(folderOf(FILES), copy('none'))).toBe(await digest(folderOf({}), copy('')))
    expect(await digest('/nowhere')).toBe(await digest(folderOf({}), copy('')))
  })

  it('is about the bytes that were there when it was asked for first', async () => {
    const context = folderOf(FILES)
    const survey = await look(context, [copy('')])
    const before = await survey.digestOf([copy('')])
    put(context, 'src/a', '9')
    expect(await survey.digestOf([copy('')])).toBe(before)
  })

  it('knows the mode of an ignored folder from which something is taken, for an engine that makes it so', async () => {
    const context = folderOf({ ...FILES, '.dockerignore': 'src\n!src/b\n' })
    const digests = async () => {
      const survey = await look(context, [copy('src')])
      return [await survey.digestOf([copy('src')]), await survey.digestOf([copy('src')], true)]
    }
    const before = await digests()
    put(context, 'src/a', '9')
    expect(await digests()).toStrictEqual(before)
    chmodSync(join(context, 'src'), 0o700)
    expect(await digests()).toStrictEqual([before[0], expect.not.stringContaining(before[1] ?? '')])
    put(context, 'src/b/c', '9')
    expect((await digests())[0]).not.toBe(before[0])
  })

  it('knows which names are those of one file', async () => {
    const same: Files = { a: '1', b: '1', c: '1' }
    const linked = (...pairs: [string, string][]) => {
      const context = folderOf(same)
      for (const [one, other] of pairs) {
        rmSync(join(context, other))
        linkSync(join(context, one), join(context, other))
      }
      return digest(context, copy(''))
    }
    const all = await Promise.all([linked(), linked(['a', 'b']), linked(['a', 'c']), linked(['b', 'c'])])
    expect(new Set([...all, await linked(['a', 'b'], ['a', 'c'])]).size).toBe(5)
    expect(await linked(['a', 'b'])).toBe(all[1])
  })

  it('doesn’t know a name that isn’t taken', async () => {
    const context = folderOf(FILES)
    const before = await digest(context, copy('src'))
    linkSync(join(context, 'src/a'), join(context, 'outside'))
    expect(await digest(context, copy('src'))).toBe(before)
  })

  it('doesn’t know sockets, which are not copied, but mounted', async () => {
    const context = folderOf(FILES)
    const before = [await digest(context, copy('')), await digest(context, mount(''))]
    const server = createServer().listen(join(context, 'src/socket'))
    await once(server, 'listening')
    const after = [await digest(context, copy('')), await digest(context, mount(''))]
    server.close()
    expect(after).toStrictEqual([before[0], expect.not.stringContaining(before[1] ?? '')])
  })
  ;(isRoot ? it : it.skip)('knows which device it is (needs root)', async () => {
    const digests = [3, 5].map(async (minor) => {
      const context = folderOf({})
      execFileSync('mknod', [join(context, 'device'), 'c', '1', String(minor)])
      return await digest(context, copy(''))
    })
    const [one, other] = await Promise.all(digests)
    expect(one).not.toBe(other)
  })
  ;(isRoot ? it : it.skip)('never by an owner (needs root)', async () => {
    const context = folderOf(FILES)
    const before = await digest(context, copy(''))
    chownSync(join(context, 'src/a'), 1234, 1234)
    chownSync(join(context, 'src'), 1234, 1234)
    expect(await digest(context, copy(''))).toBe(before)
  })
  ;(isRoot ? it.skip : it)('rejects where a file can’t be read (needs to be no root)', async () => {
    const context = folderOf(FILES)
    chmodSync(join(context, 'src/a'), 0o000)
    const survey = await look(context, [copy('src'), copy('conf')])
    await expect(survey.digestOf([copy('src')])).rejects.toThrow(/EACCES/)
  })

  it('rejects where a file has gone', async () => {
    const context = folderOf(FILES)
    const survey = await look(context, [copy('src')])
    rmSync(join(context, 'src/a'))
    await expect(survey.digestOf([copy('src')])).rejects.toThrow(/ENOENT/)
  })
})

describe('what has changed since', () => {
  const later = new Date('2026-11-24T12:00:00Z')

  it.each<[what: string, change: Change, paths: ContextPath[], changed: string | undefined]>([
    ['nothing', () => undefined, [copy('')], undefined],
    [
      'a content of the same length',
      (at) => {
        put(at, 'src/a', '2')
      },
      [copy('src')],
      'src/a',
    ],
    [
      'a content of the same length, with the time that it had',
      (at) => {
        const { atime, mtime } = lstatSync(join(at, 'src/a'))
        put(at, 'src/a', '2')
        utimesSync(join(at, 'src/a'), atime, mtime)
      },
      [copy('src')],
      'src/a',
    ],
    [
      'another file in its place',
      (at) => {
        put(at, 'src/new', '1')
        renameSync(join(at, 'src/new'), join(at, 'src/a'))
      },
      [copy('src/a')],
      'src/a',
    ],
    [
      'a file that has gone',
      (at) => {
        rmSync(join(at, 'src/a'))
      },
      [copy('src/a')],
      'src/a',
    ],
    [
      'a time',
      (at) => {
        utimesSync(join(at, 'src/a'), later, later)
      },
      [copy('src/a')],
      'src/a',
    ],
    [
      'a mode',
      (at) => {
        chmodSync(join(at, 'src/b'), 0o700)
      },
      [copy('src')],
      'src/b',
    ],
    [
      'what is not taken',
      (at) => {
        put(at, 'conf/x.json', '2')
      },
      [copy('src')],
      undefined,
    ],
    [
      'what is left out',
      (at) => {
        put(at, 'log/secret', '2')
      },
      [copy('')],
      undefined,
    ],
    [
      'what is mounted all the same',
      (at) => {
        put(at, 'log/secret', '2')
      },
      [mount('')],
      'log/secret',
    ],
    [
      'a file that is new in a mount',
      (at) => {
        put(at, 'new', '1')
      },
      [mount('')],
      '',
    ],
  ])('%s', async (_, change, paths, changed) => {
    const context = folderOf(FILES)
    const survey = await look(context, paths)
    change(context)
    expect(await survey.findChanged()).toBe(changed)
  })
})

describe('links', () => {
  it.each<[what: string, links: Files, path: ContextPath, behind: string[]]>([
    ['what is taken', { link: 'other' }, copy('link'), ['other/below/x']],
    ['what a mount shows', { link: 'other' }, mount('link'), ['other/below/x']],
    ['what a pattern takes', { link: 'other' }, copy('li*'), ['other/below/x']],
    ['a folder on the way', { link: 'other' }, copy('link/below/x'), ['other/below/x']],
    ['a folder deeper on the way', { 'src/link': '../other' }, copy('src/link/below'), ['other/below/x']],
    ['a pattern on the way', { link: 'other' }, copy('*/below'), ['other/below/x']],
    ['a link to what is left out', { link: 'log' }, copy('link/secret'), ['log/secret']],
    ['a link to a folder with what is left out', { link: '.' }, copy('link/log'), ['log/secret']],
    ['a link to a link', { link: 'second', second: 'log' }, copy('link/secret'), ['second', 'log/secret']],
    ['a link on the way to a link', { link: 'src', 'src/l': '../log' }, copy('link/l'), ['src/l', 'log/secret']],
    ['an absolute link, which begins at the context', { link: '/log' }, copy('link'), ['log/secret']],
    ['a link that leads above the context', { link: '../../log' }, copy('link'), ['log/secret']],
    ['a link to a name that a pattern could be', { link: 'lo*' }, copy('link'), ['log/secret']],
  ])('as %s: it counts, and what lies behind it', async (_, links, path, behind) => {
    const context = folderOf({ ...FILES, 'other/below/x': '1' })
    for (const [place, target] of Object.entries(links)) symlinkSync(target, join(context, place))
    const [link = ''] = Object.keys(links)
    expect((await list(context, path)).sort()).toStrictEqual([link, ...behind].sort())
    const before = await digest(context, path)
    put(context, 'conf/x.json', '2')
    expect(await digest(context, path)).toBe(before)
    put(context, behind.at(-1) ?? '', '2')
    expect(await digest(context, path)).not.toBe(before)
  })

  it('that change places count, though all that is taken is the same', async () => {
    const linked = async (one: string, other: string) => {
      const context = folderOf({ 'a/f': '1', 'b/f': '2' })
      symlinkSync(one, join(context, 'x'))
      symlinkSync(other, join(context, 'y'))
      return await digest(context, copy('x/f'), copy('y/f'))
    }
    expect(await linked('a', 'b')).not.toBe(await linked('b', 'a'))
  })

  it('that lead nowhere count from when they lead somewhere', async () => {
    const context = folderOf(FILES)
    symlinkSync('nowhere', join(context, 'link'))
    const before = await digest(context, copy('link'))
    put(context, 'nowhere', '')
    expect(await digest(context, copy('link'))).not.toBe(before)
  })

  it.each<[what: string, links: Files, path: ContextPath, why: string]>([
    ['lead to one another for ever', { link: 'link/link' }, copy('link/x'), 'links in the context form a loop'],
    [
      'a mount may follow out of the context',
      { link: '../x' },
      mount('link'),
      'the link link leads out of the context',
    ],
    ['a mount may follow by its whole path', { link: '/x' }, mount('link'), 'the link link leads out of the context'],
  ])('that %s can’t be told', async (_, links, path, why) => {
    const context = folderOf(FILES)
    for (const [place, target] of Object.entries(links)) symlinkSync(target, join(context, place))
    await expect(look(context, [path])).rejects.toThrow(why)
  })

  const guessed: ContextPath = { path: '', mounted: false, guessed: true }

  it.each<[what: string, links: Files, hides: boolean]>([
    ['without links', {}, false],
    ['with a link to a file', { link: 'src/a' }, false],
    ['with a link to a file that is left out', { link: 'log/secret' }, true],
    ['with a link to a folder', { link: 'src' }, true],
    ['with a link that leads nowhere', { link: 'nowhere' }, true],
    ['with a link that is left out itself', { 'log/link': '../src' }, false],
  ])('where nobody knows what is taken, %s: what is left out counts: %s', async (_, links, hides) => {
    const context = folderOf(FILES)
    for (const [place, target] of Object.entries(links)) symlinkSync(target, join(context, place))
    expect((await list(context, guessed)).includes('log/secret')).toBe(hides)
    expect((await list(context, copy(''))).includes('log/secret')).toBe(false)
    expect((await list(context, copy('[a]'))).includes('log/secret')).toBe(hides)
  })

  it.each<[what: string, link: string, path: string]>([
    ['below what is taken', 'src/b/link', 'src'],
    ['in all of the context', 'link', ''],
    ['beside what is taken', 'link', 'src'],
    ['beside what is taken, deeper', 'src/link', 'src/b/c'],
    ['that only begins alike', 'src2', 'src'],
  ])('%s are links', async (_, link, path) => {
    const context = folderOf(FILES)
    symlinkSync('../conf', join(context, link))
    const isTaken = path === '' || link.startsWith(`${path}/`)
    const below = ['src/a', 'src/b/c', ...(isTaken ? [link] : [])].filter((one) => one.startsWith(path))
    const found = await list(context, copy(path))
    expect(found.filter((one) => path !== '' || /src|link/.test(one)).sort()).toStrictEqual(below.sort())
  })
})

describe('what a survey lists', () => {
  it.each<[what: string, paths: ContextPath[], files: string[]]>([
    ['a folder', [copy('src')], ['src/a', 'src/b/c']],
    ['a file', [copy('src/a')], ['src/a']],
    ['a pattern', [copy('conf/*.json')], ['conf/x.json']],
    ['a pattern on the way', [copy('*/b')], ['src/b/c']],
    ['all', [copy('')], ['.dockerignore', 'conf/x.json', 'conf/y.txt', 'src/a', 'src/b/c']],
    [
      'a class of characters, which the engine reads',
      [copy('[a]')],
      ['.dockerignore', 'conf/x.json', 'conf/y.txt', 'src/a', 'src/b/c'],
    ],
    ['what is ignored', [copy('log')], []],
    ['a mount of what is ignored', [mount('log')], ['log/secret']],
    ['a mount beside a copy', [copy('src/b'), mount('log')], ['log/secret', 'src/b/c']],
    ['a mount and a copy of the same', [mount('log'), copy('log')], ['log/secret']],
    ['nothing', [], []],
    ['what is not there', [copy('none/x')], []],
  ])('%s', async (_, paths, files) => {
    expect(await list(folderOf(FILES), ...paths)).toStrictEqual(files)
  })

  it('is what was asked for', async () => {
    const survey = await look(folderOf(FILES), [copy('src'), copy('conf')])
    expect(survey.listOf([copy('conf')])).toStrictEqual(['conf/x.json', 'conf/y.txt'])
    expect(survey.listOf([])).toStrictEqual([])
  })

  it('has no folders, but links', async () => {
    const context = folderOf(FILES)
    mkdirSync(join(context, 'src/empty'))
    symlinkSync('a', join(context, 'src/link'))
    expect(await list(context, copy('src'))).toStrictEqual(['src/a', 'src/b/c', 'src/link'])
  })

  it('has its size', async () => {
    const context = folderOf({ 'a/x': '12345', 'a/y': '678', b: '9', c: '0', '.dockerignore': 'a/y\nc' })
    expect((await look(context, [copy('a'), copy('a/x')])).bytes).toBe(5)
    expect((await look(context, [copy('a'), copy('b')])).bytes).toBe(6)
    expect((await look(context, [mount('a')])).bytes).toBe(8)
    expect((await look(context, [])).bytes).toBe(0)
  })
})

describe('an ignore file with what is special in a regular expression alone', () => {
  // Some engines read it so, and others take it for itself.
  it.each([
    ['a+b', 'aab'],
    ['(ab)', 'ab'],
    ['a|b', 'a'],
    ['a{2}', 'aa'],
    ['^ab', 'ab'],
    ['ab^', 'ab^'],
  ])('%s leaves nothing out that may be copied: %s', async (pattern, path) => {
    const context = folderOf({ '.dockerignore': `${pattern}\n`, [path]: 'before' })
    const before = await digest(context, copy(''))
    put(context, path, 'after!')
    expect(await digest(context, copy(''))).not.toBe(before)
  })
})

describe('a survey rejects', () => {
  it.each([
    ['a link that is copied', copy('d')],
    ['a link on the way', copy('d/link/x')],
    ['a link of a mount', mount('d')],
  ])('%s and leads to a name that isn’t UTF-8', async (_, path) => {
    const context = folderOf({ 'd/one': '1' })
    symlinkSync(Buffer.from('caf\xe9', 'latin1'), join(context, 'd/link'))
    await expect(look(context, [path])).rejects.toThrow("the link d/link leads to a name that isn't UTF-8")
  })

  it('where there are more bytes than the limit', async () => {
    const context = folderOf({ a: '12345', b: '678', '.git/x': '0'.repeat(100) })
    const limits = { bytes: 8, files: 10 }
    expect((await look(context, [copy('a'), copy('b')], limits)).bytes).toBe(8)
    put(context, 'b', '6789')
    await expect(look(context, [copy('a'), copy('b')], limits)).rejects.toThrow('the context is large')
    expect((await look(context, [copy('a')], limits)).bytes).toBe(5)
  })

  it('where there are more files than the limit', async () => {
    const context = folderOf({ 'a/1': '', 'a/2': '', b: '' })
    const limits = { bytes: 0, files: 4 }
    expect((await look(context, [copy('a')], limits)).listOf([copy('a')])).toStrictEqual(['a/1', 'a/2'])
    put(context, 'a/3', '')
    await expect(look(context, [copy('a')], limits)).rejects.toThrow('the context is large')
  })

  it('are not used up by what is left out, unless something in it may count', async () => {
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, number) => [`modules/${number}`, '']))
    const context = folderOf({ ...files, a: '1', '.dockerignore': 'modules\n' })
    const limits = { bytes: 100, files: 10 }
    expect((await look(context, [copy('')], limits)).listOf([copy('')])).toStrictEqual(['.dockerignore', 'a'])
    await expect(look(context, [mount('')], limits)).rejects.toThrow('the context is large')
    put(context, '.dockerignore', 'modules\n!modules/7\n')
    await expect(look(context, [copy('')], limits)).rejects.toThrow('the context is large')
    expect(await list(context, copy(''))).toContain('modules/7')
  })

  it('where there is no context', async () => {
    await expect(look('/nowhere', [copy('')])).rejects.toThrow(/ENOENT/)
  })
  ;(isRoot ? it.skip : it)('where a folder can’t be read (needs to be no root)', async () => {
    const context = folderOf(FILES)
    chmodSync(join(context, 'src/b'), 0o000)
    await expect(look(context, [copy('src')])).rejects.toThrow(/EACCES/)
    // Nobody goes there for this.
    expect(await list(context, copy('conf'))).toStrictEqual(['conf/x.json', 'conf/y.txt'])
    chmodSync(join(context, 'src/b'), 0o755)
  })
})

describe('two trees', () => {
  type Node =
    | { readonly kind: 'file'; readonly mode: number; readonly content: string }
    | { readonly kind: 'link'; readonly target: string }
    | { readonly kind: 'folder'; readonly mode: number; readonly below: Readonly<Record<string, Node>> }

  // Few values, so that two trees are often the same; names that one could take for ends of others.
  const name = fc.constantFrom('a', 'b', 'a b', 'ä', 'a\n')
  const file = fc.record({
    kind: fc.constant('file' as const),
    mode: fc.constantFrom(0o644, 0o755),
    content: fc.constantFrom('', 'a', 'b', 'a\0b'),
  })
  const link = fc.record({ kind: fc.constant('link' as const), target: fc.constantFrom('a', 'b', '/etc/passwd') })
  const { tree } = fc.letrec<{ tree: Readonly<Record<string, Node>>; node: Node }>((tie) => ({
    tree: fc.dictionary(name, tie('node'), { maxKeys: 2, noNullPrototype: true }),
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      file,
      link,
      fc.record({
        kind: fc.constant('folder' as const),
        mode: fc.constantFrom(0o755, 0o750),
        below: tie('tree'),
      }),
    ),
  }))

  function make(folder: string, nodes: Readonly<Record<string, Node>>): void {
    mkdirSync(folder, { mode: 0o755, recursive: true })
    for (const [key, node] of Object.entries(nodes)) {
      const path = join(folder, key)
      if (node.kind === 'link') symlinkSync(node.target, path)
      else if (node.kind === 'file') writeFileSync(path, node.content)
      else make(path, node.below)
      if (node.kind !== 'link') chmodSync(path, node.mode)
    }
  }

  /** All that lies there, as text, read another way than the survey does. */
  function oracle(folder: string): string {
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    return JSON.stringify(
      paths.sort().map((path) => {
        const stats = lstatSync(join(folder, path))
        const type = [stats.isFile(), stats.isDirectory(), stats.isSymbolicLink()]
        const content = stats.isFile() ? readFileSync(join(folder, path), 'base64') : ''
        const target = stats.isSymbolicLink() ? readlinkSync(join(folder, path)) : ''
        return [path, type, (stats.mode & 0o7777).toString(8), content, target]
      }),
    )
  }

  it('have the same digest where all in them is the same, and only there', async () => {
    const root = temporaryFolder()
    let number = 0
    let same = 0
    // Of two that were made by themselves few are the same: the other one is the same tree once more, or a neighbour.
    const pair = fc.oneof(
      fc.tuple(tree, tree),
      tree.map((one) => [one, one] as const),
      tree.map(
        (one) => [one, Object.fromEntries(Object.entries(one).map(([key, node]) => [`${key}a`, node]))] as const,
      ),
    )
    await fc.assert(
      fc.asyncProperty(pair, async ([one, other]) => {
        number += 1
        const [left, right] = [join(root, `l${number}`), join(root, `r${number}`)]
        make(left, one)
        make(right, other)
        const isSame = oracle(left) === oracle(right)
        same += isSame ? 1 : 0
        const digests = await Promise.all(
          [left, right].map(async (context) => {
            const paths = [copy('')]
            return await (await surveyContext({ context, paths, ignores: () => false })).digestOf(paths)
          }),
        )
        expect(digests[0] === digests[1]).toBe(isSame)
      }),
      runs(40),
    )
    expect(same).toBeGreaterThan(10)
    expect(same).toBeLessThan(number)
  })
})
