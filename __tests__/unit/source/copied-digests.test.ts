import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { digestCopied } from '../../../src/source/copied-digests.js'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { exhaustively } from '../../harness/test-set.js'
import { temporaryFolder } from '../helpers.js'

function contextOf(files: Readonly<Record<string, string>>): string {
  const context = join(temporaryFolder(), 'context')
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(context, path)), { recursive: true })
    writeFileSync(join(context, path), content)
  }
  return context
}

const look = (context: string, ...lines: string[]) =>
  digestCopied({
    context,
    file: join(context, 'Dockerfile'),
    dockerfile: parseDockerfile(`FROM a\n${lines.join('\n')}`),
  })

const FILES = { 'src/a': '1', 'src/b/c': '2', 'conf/x.json': '{}', 'conf/y.txt': 'y', '.git/HEAD': 'ref' }

describe('digestCopied', () => {
  it('has what RUN mounts as well, apart from what is copied of the same path', async () => {
    const context = contextOf(FILES)
    const lines = ['RUN --mount=type=bind,source=src,target=/m x', 'COPY conf /c']
    const before = await look(context, ...lines)
    expect([...before.keys()].sort()).toStrictEqual(['\0src', 'conf'])
    writeFileSync(join(context, 'src/a'), '2')
    const after = await look(context, ...lines)
    expect(after.get('\0src')).not.toBe(before.get('\0src'))
    expect(after.get('conf')).toBe(before.get('conf'))
  })

  it.each<[what: string, change: (context: string) => void, changed: string[]]>([
    [
      'a file of another content',
      (at) => {
        writeFileSync(join(at, 'src/b/c'), '3')
      },
      ['', 'src'],
    ],
    [
      'a file more',
      (at) => {
        writeFileSync(join(at, 'src/d'), '')
      },
      ['', 'src'],
    ],
    [
      'a file less',
      (at) => {
        rmSync(join(at, 'conf/x.json'))
      },
      ['', 'conf/*.json'],
    ],
    [
      'another mode',
      (at) => {
        chmodSync(join(at, 'src/a'), 0o755)
      },
      ['', 'src'],
    ],
    [
      'another mode of a folder',
      (at) => {
        chmodSync(join(at, 'src/b'), 0o700)
      },
      ['', 'src'],
    ],
    [
      'a file that no pattern has',
      (at) => {
        writeFileSync(join(at, 'conf/y.txt'), 'z')
      },
      [''],
    ],
    [
      'a link',
      (at) => {
        symlinkSync('a', join(at, 'src/l'))
      },
      ['', 'src'],
    ],
    [
      'a link instead of a file',
      (at) => {
        rmSync(join(at, 'src/a'))
        symlinkSync('b/c', join(at, 'src/a'))
      },
      ['', 'src'],
    ],
    [
      'another time',
      (at) => {
        utimesSync(join(at, 'src/a'), 1, 1)
      },
      [],
    ],
    ['nothing', () => undefined, []],
  ])('%s', async (_, change, changed) => {
    const context = contextOf(FILES)
    const lines = ['COPY . /all', 'COPY src /src', 'COPY conf/*.json /conf/', 'COPY none /none']
    const before = await look(context, ...lines)
    expect([...before.keys()]).toStrictEqual(['', 'src', 'conf/*.json', 'none'])
    change(context)
    const after = await look(context, ...lines)
    expect([...after.keys()].filter((path) => after.get(path) !== before.get(path))).toStrictEqual(changed)
  })

  it('does not look at what is ignored', async () => {
    const context = contextOf({ ...FILES, '.dockerignore': '.git\nsrc/*\n!src/b\n' })
    const before = await look(context, 'COPY . /')
    writeFileSync(join(context, '.git/HEAD'), 'other')
    writeFileSync(join(context, 'src/a'), 'other')
    expect(await look(context, 'COPY . /')).toStrictEqual(before)
    writeFileSync(join(context, 'src/b/c'), 'other')
    expect(await look(context, 'COPY . /')).not.toStrictEqual(before)
  })

  it('gives up where there is much to read, or something can’t be read', async () => {
    const context = contextOf(FILES)
    truncateSync(join(context, 'src/a'), 257 * 2 ** 20)
    expect(await look(context, 'COPY src /')).toStrictEqual(new Map())
    // What isn't copied doesn't count.
    expect((await look(context, 'COPY conf /')).size).toBe(1)
    expect(await look(join(context, 'nowhere'), 'COPY . /')).toStrictEqual(new Map())
  })

  exhaustively(it)(
    'doesn’t go into folders that nothing is copied from',
    async () => {
      const context = contextOf(FILES)
      const before = await look(context, 'COPY src /')
      symlinkSync('loop', join(context, 'conf/loop'))
      for (let number = 0; number < 50_001; number += 1) writeFileSync(join(context, 'conf', String(number)), '')
      expect(before.size).toBe(1)
      expect(await look(context, 'COPY src /')).toStrictEqual(before)
      expect(await look(context, 'COPY src conf /')).toStrictEqual(new Map())
      // Fifty thousand files take their time.
    },
    60_000,
  )

  it('looks at nothing where nothing is copied', async () => {
    expect(await look('/nowhere', 'COPY --from=x a b', 'COPY $A b', 'COPY [ab] c')).toStrictEqual(new Map())
  })
})
