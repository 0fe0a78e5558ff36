import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { quote } from '../../../src/lib/quote.js'
import { findOrigin, type NoOrigin, type Origin, type OriginRequest } from '../../../src/source/last-commit.js'
import { contextOf, temporaryFolder } from '../helpers.js'

const env = {
  ...{ PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' },
  ...{ GIT_AUTHOR_NAME: 'Tests', GIT_AUTHOR_EMAIL: 'tests@example.com', GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z' },
  ...{ GIT_COMMITTER_NAME: 'Tests', GIT_COMMITTER_EMAIL: 'tests@example.com' },
}

let top = ''
/** Each commit is an hour later than the one before it. */
let hour = 0

beforeEach(() => {
  top = join(temporaryFolder(), 'work')
  hour = 0
  git('/', 'init', '--quiet', '--initial-branch=main', '--template=', top)
})

const timeOf = (at: number) => new Date(Date.UTC(2026, 0, 1, at))

function git(folder: string, ...args: string[]): string {
  const dated = { ...env, GIT_COMMITTER_DATE: timeOf(hour).toISOString() }
  const options = ['-C', folder, '-c', 'protocol.file.allow=always']
  return execFileSync('git', [...options, ...args], { env: dated, encoding: 'utf8', stdio: 'pipe' }).trim()
}

function put(path: string, content: string): void {
  mkdirSync(dirname(join(top, path)), { recursive: true })
  writeFileSync(join(top, path), content)
}

/** Commits these contents; undefined removes a file. */
function commit(files: Readonly<Record<string, string | undefined>>): Origin {
  for (const [path, content] of Object.entries(files)) {
    if (content === undefined) rmSync(join(top, path))
    else put(path, content)
  }
  return record('commit', '--allow-empty', '--message=x')
}

function record(...args: string[]): Origin {
  hour += 1
  git(top, 'add', '--all', '.')
  git(top, ...args)
  const head = readFileSync(join(top, '.git/HEAD'), 'utf8').trim()
  const sha = head.startsWith('ref: ')
    ? readFileSync(join(top, '.git', head.slice('ref: '.length)), 'utf8').trim()
    : head
  return { sha, date: timeOf(hour) }
}

/** What counts is what lies in these folders of the context, and is not called `*.md`. */
async function find(
  files: readonly string[],
  changes: Partial<OriginRequest> = {},
  at = top,
): Promise<Origin | NoOrigin> {
  const counts = (path: string) => path.startsWith(`${at}/app/`) && !path.endsWith('.md')
  const request = { places: [at], files: files.map((path) => join(at, path)), counts, ...changes }
  return await findOrigin(request, contextOf({ workspace: at, env }))
}

describe('the origin', () => {
  it('is the last commit that changed what is built', async () => {
    const first = commit({ 'app/a': '1', other: '1' })
    expect(await find(['app/a'])).toStrictEqual(first)
    const second = commit({ 'app/a': '2' })
    commit({ other: '2' })
    commit({ 'app/README.md': 'ignored' })
    commit({})
    expect(await find(['app/a'])).toStrictEqual(second)
  })

  it.each<[what: string, change: () => Origin]>([
    ['a new file', () => commit({ 'app/b': '1' })],
    ['a file less', () => commit({ 'app/old': undefined })],
    ['a file that moved away', () => commit({ 'app/old': undefined, old: 'old' })],
    ['a file that came from elsewhere', () => commit({ 'from/x': undefined, 'app/x': 'x' })],
    [
      'a mode',
      () => {
        git(top, 'update-index', '--chmod=+x', 'app/a')
        execFileSync('chmod', ['+x', join(top, 'app/a')])
        return commit({})
      },
    ],
    [
      'a link instead of a file',
      () => {
        rmSync(join(top, 'app/a'))
        symlinkSync('old', join(top, 'app/a'))
        return commit({})
      },
    ],
    ['one file of many', () => commit({ 'app/a': '2', other: '2', 'app/z.md': '2', z: '2' })],
    ['a name with a space', () => commit({ 'app/a b': '1' })],
    ['a name with quotes', () => commit({ [`app/"a" 'b' \\ $c`]: '1' })],
    ['a name with umlauts', () => commit({ 'app/größe': '1' })],
    ['a name with a line break', () => commit({ 'app/a\nb': '1' })],
    ['a name that begins like a rule', () => commit({ 'app/:(exclude)a': '1' })],
    ['a name with stars', () => commit({ 'app/*': '1' })],
  ])('is found by %s', async (_, change) => {
    commit({ 'app/a': '1', 'app/old': 'old', 'from/x': 'x' })
    const expected = change()
    commit({ other2: '1' })
    expect(await find(['app/a'])).toStrictEqual(expected)
  })

  it('is found by a name that begins with a line break, behind others', async () => {
    const counts = (path: string) => path === join(top, '\n a')
    commit({ '\n a': '1' })
    const second = commit({ '\n a': '2', '\n  ': '1' })
    commit({ b: '1' })
    expect(await find(['\n a'], { counts })).toStrictEqual(second)
  })

  it('is no name that looks like a commit', async () => {
    const forged = `commit ${'0'.repeat(40)} 2020-01-01T00:00:00Z`
    const counts = (path: string) => path === join(top, 'z')
    const only = commit({ a: '1', [forged]: '1', z: '1' })
    expect(await find(['z'], { counts })).toStrictEqual(only)
  })

  it('is found in whatever configuration a user has', async () => {
    const first = commit({ 'app/a': '1' })
    const settings = [
      ...[
        'diff.relative=true',
        'log.showSignature=true',
        'color.ui=always',
        'diff.renames=copies',
        'log.decorate=full',
      ],
      ...['status.relativePaths=true', 'status.short=true', 'status.branch=true', 'core.quotePath=true'],
      ...[
        'log.follow=true',
        'log.date=relative',
        'diff.noprefix=true',
        'status.renames=copies',
        'log.abbrevCommit=true',
      ],
    ]
    for (const setting of settings) git(top, 'config', ...setting.split('='))
    commit({ other: '1' })
    expect(await find(['app/a'])).toStrictEqual(first)
  })

  it('is about the committer’s time, whatever its zone', async () => {
    commit({ 'app/a': '1' })
    git(top, '-c', 'core.x=1', 'commit', '--amend', '--no-edit', '--date=2001-01-01T00:00:00+05:00')
    expect(await find(['app/a'])).toMatchObject({ date: timeOf(1) })
  })

  it('is not looked for beyond the places', async () => {
    const first = commit({ 'app/a': '1', 'lib/b': '1' })
    commit({ 'lib/b': '2' })
    const counts = () => true
    expect(await find(['app/a'], { counts, places: [join(top, 'app')] })).toStrictEqual(first)
  })

  it('is also that of a Dockerfile outside of the context', async () => {
    commit({ 'app/a': '1', 'docker/Dockerfile': '1', 'docker/other': '1' })
    const second = commit({ 'docker/Dockerfile': '2' })
    commit({ 'docker/other': '2' })
    const file = join(top, 'docker/Dockerfile')
    const counts = (path: string) => path === file || path.startsWith(`${top}/app/`)
    const places = [join(top, 'app'), file]
    expect(await find(['app/a', 'docker/Dockerfile'], { counts, places })).toStrictEqual(second)
  })

  it('is found with names that Git could take for patterns', async () => {
    const first = commit({ '[a]*/:x': '1' })
    commit({ 'a/:x': '1' })
    const counts = () => true
    expect(await find(['[a]*/:x'], { counts, places: [join(top, '[a]*')] })).toStrictEqual(first)
  })

  it('is found behind more than 200 commits', async () => {
    const first = commit({ 'app/a': '1' })
    const lines = Array.from({ length: 450 }, (_, number) =>
      [
        'commit refs/heads/main',
        `committer Tests <tests@example.com> ${timeOf(0).getTime() / 1000 + 7200 + number} +0000`,
        'data 1\nx',
        ...(number === 0 ? [`from ${first.sha}`] : []),
        `M 100644 inline ${number % 2 === 0 ? 'other' : 'app/x.md'}\ndata ${String(number).length}\n${number}`,
        '',
      ].join('\n'),
    )
    execFileSync('git', ['-C', top, 'fast-import', '--quiet'], { env, input: lines.join('\n') })
    git(top, 'reset', '--quiet', '--hard')
    expect(git(top, 'rev-list', '--count', 'HEAD')).toBe('451')
    expect(await find(['app/a'])).toStrictEqual(first)
  })
})

describe('merges', () => {
  it('are passed where a side has all of it', async () => {
    commit({ 'app/a': '1', other: '1' })
    git(top, 'checkout', '--quiet', '-b', 'side')
    const side = commit({ 'app/a': '2' })
    git(top, 'checkout', '--quiet', 'main')
    commit({ other: '2' })
    record('merge', '--quiet', '--no-ff', '--no-edit', 'side')
    expect(await find(['app/a'])).toStrictEqual(side)
  })

  it('are the origin where they have what neither side has', async () => {
    commit({ 'app/a': '1\n2\n3\n4\n5\n6\n7\n8\n9\n' })
    git(top, 'checkout', '--quiet', '-b', 'side')
    commit({ 'app/a': '1\n2\n3\n4\n5\n6\n7\n8\nside\n' })
    git(top, 'checkout', '--quiet', 'main')
    commit({ 'app/a': 'main\n2\n3\n4\n5\n6\n7\n8\n9\n' })
    const merge = record('merge', '--quiet', '--no-ff', '--no-edit', 'side')
    commit({ other: '2' })
    expect(await find(['app/a'])).toStrictEqual(merge)
  })

  it('of two files leave the later of both', async () => {
    commit({ 'app/a': '1', 'app/b': '1' })
    git(top, 'checkout', '--quiet', '-b', 'side')
    commit({ 'app/a': '2' })
    git(top, 'checkout', '--quiet', 'main')
    const later = commit({ 'app/b': '2' })
    record('merge', '--quiet', '--no-ff', '--no-edit', 'side')
    expect(await find(['app/a', 'app/b'])).toStrictEqual(later)
  })
})

describe('a history that was cut off', () => {
  const clone = (depth: number) => {
    const at = join(dirname(top), 'clone')
    git('/', 'clone', '--quiet', `--depth=${depth}`, `file://${top}`, at)
    return at
  }
  const cut = {
    why: 'the history of the checkout was cut off (`fetch-depth: 0` of actions/checkout has all of it)',
  }

  it('can’t tell what lies behind it', async () => {
    commit({ 'app/a': '1' })
    commit({ other: '1' })
    commit({ other: '2' })
    expect(await find(['app/a'], {}, clone(1))).toStrictEqual(cut)
  })

  it('can’t tell whether its first commit changed it', async () => {
    commit({ other: '1' })
    commit({ 'app/a': '1' })
    expect(await find(['app/a'], {}, clone(1))).toStrictEqual(cut)
  })

  it('tells what lies within it', async () => {
    commit({ 'app/a': '1' })
    const second = commit({ 'app/a': '2' })
    commit({ other: '1' })
    expect(await find(['app/a'], {}, clone(3))).toStrictEqual(second)
    rmSync(join(dirname(top), 'clone'), { recursive: true })
    expect(await find(['app/a'], {}, clone(2))).toStrictEqual(cut)
  })

  it('is none where all of it is there', async () => {
    const first = commit({ 'app/a': '1' })
    commit({ other: '1' })
    expect(await find(['app/a'], {}, clone(3))).toStrictEqual(first)
  })
})

describe('no origin has', () => {
  it('a file that is in no commit', async () => {
    commit({ 'app/a': '1' })
    put('app/new', '1')
    expect(await find(['app/a', 'app/new'])).toStrictEqual({ why: '"app/new" is in no commit' })
    // It is the same for one that Git leaves out.
    commit({ '.gitignore': 'built\n', 'app/new': '1' })
    put('app/built', '1')
    expect(await find(['app/built'])).toStrictEqual({ why: '"app/built" is in no commit' })
  })

  it.each<[what: string, change: () => void, path: string]>([
    [
      'a file that was changed',
      () => {
        put('app/a', 'other')
      },
      'app/a',
    ],
    [
      'a file that is staged',
      () => {
        put('app/a', 'other')
        git(top, 'add', '.')
      },
      'app/a',
    ],
    [
      'a new file that is staged',
      () => {
        put('app/new', '')
        git(top, 'add', '.')
      },
      'app/new',
    ],
    [
      'a file that is gone',
      () => {
        rmSync(join(top, 'app/b'))
      },
      'app/b',
    ],
    [
      'a file that moved',
      () => {
        git(top, 'mv', 'app/b', 'app/c')
      },
      'app/b',
    ],
    [
      'a mode',
      () => {
        execFileSync('chmod', ['+x', join(top, 'app/a')])
      },
      'app/a',
    ],
    [
      'a name with umlauts and a line break',
      () => {
        put('app/ö\nx', '')
        git(top, 'add', '.')
      },
      'app/ö\nx',
    ],
  ])('%s', async (_, change, path) => {
    commit({ 'app/a': '1', 'app/b': 'b' })
    change()
    expect(await find(['app/a'])).toStrictEqual({ why: `${quote(path)} has changes that are in no commit` })
  })

  it('a workspace that is no checkout, also where a folder above it is one', async () => {
    const at = join(top, 'inner')
    put('inner/app/a', '1')
    const why = 'the workspace is no checkout that Git can read'
    expect(await find(['app/a'], {}, at)).toStrictEqual({ why })
    expect(await find(['app/a'], {}, temporaryFolder())).toStrictEqual({ why })
  })

  it('a machine without Git', async () => {
    commit({ 'app/a': '1' })
    const request = { places: [top], files: [], counts: () => true }
    expect(
      await findOrigin(request, contextOf({ workspace: top, env: { ...env, PATH: '/nonexistent' } })),
    ).toStrictEqual({
      why: 'the workspace is no checkout that Git can read',
    })
  })

  it.each(['..', '../beside', '../../..'])('a context at %s', async (place) => {
    commit({ 'app/a': '1' })
    const why = 'what is built lies outside of the checkout'
    expect(await find([], { places: [join(top, 'app'), join(top, place)] })).toStrictEqual({ why })
  })

  it('a context behind a link that leads out', async () => {
    commit({ 'app/a': '1' })
    symlinkSync(temporaryFolder(), join(top, 'link'))
    const why = 'what is built lies outside of the checkout'
    expect(await find([], { places: [join(top, 'link')] })).toStrictEqual({ why })
  })

  it('a file that no commit has ever changed', async () => {
    git(top, 'commit', '--allow-empty', '--quiet', '--message=x')
    expect(await find([])).toStrictEqual({ why: 'no commit has changed it' })
  })

  it('a checkout without commits', async () => {
    expect(await find([])).toStrictEqual({ why: 'no commit has changed it' })
  })

  it('a file of a submodule', async () => {
    const main = top
    const module = join(dirname(top), 'module')
    git('/', 'init', '--quiet', '--initial-branch=main', module)
    top = module
    commit({ m: '1' })
    top = main
    git(top, 'submodule', '--quiet', 'add', `file://${module}`, 'app/module')
    commit({ 'app/a': '1' })
    expect(await find(['app/a', 'app/module/m'])).toStrictEqual({ why: '"app/module/m" is in no commit' })
  })
})

describe('it doesn’t matter', () => {
  it.each<[what: string, change: () => void]>([
    [
      'a changed file beside',
      () => {
        put('other', '2')
      },
    ],
    [
      'a changed file that is ignored',
      () => {
        put('app/x.md', '2')
      },
    ],
    [
      'a staged file beside',
      () => {
        put('other2', '2')
        git(top, 'add', '.')
      },
    ],
    [
      'a new file that is ignored',
      () => {
        put('app/y.md', '2')
      },
    ],
    [
      'a time',
      () => {
        execFileSync('touch', ['-d', '2001-01-01', join(top, 'app/a')])
      },
    ],
  ])('%s', async (_, change) => {
    const first = commit({ 'app/a': '1', other: '1', 'app/x.md': '1' })
    change()
    expect(await find(['app/a'])).toStrictEqual(first)
  })

  it('that the workspace is called by a link', async () => {
    const first = commit({ 'app/a': '1' })
    const link = join(dirname(top), 'link')
    symlinkSync(top, link)
    const counts = (path: string) => path === join(top, 'app/a')
    const request = { places: [join(link, 'app')], files: [join(top, 'app/a')], counts }
    expect(await findOrigin(request, contextOf({ workspace: link, env }))).toStrictEqual(first)
    put('app/b', '')
    const named = { ...request, files: [join(top, 'app/b')] }
    expect(await findOrigin(named, contextOf({ workspace: link, env }))).toStrictEqual({
      why: '"app/b" is in no commit',
    })
  })

  it('that the workspace is a worktree', async () => {
    const first = commit({ 'app/a': '1' })
    const at = join(dirname(top), 'tree')
    git(top, 'worktree', 'add', '--quiet', '--detach', at)
    expect(await find(['app/a'], {}, at)).toStrictEqual(first)
  })
})
