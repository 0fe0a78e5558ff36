import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from '@jest/globals'
import { contextCopies } from '../../../src/dockerfile/dependencies.js'
import type { LayerEntry } from '../../../src/lib/tar-headers.js'
import { surveyContext } from '../../../src/source/scan.js'
import type { StepLayer } from '../../../src/up-to-date/copied-layers.js'
import { whyUnproved } from '../../../src/up-to-date/proof.js'
import { analysisOf, temporaryFolder } from '../helpers.js'

type Entry = readonly [path: string, kind: LayerEntry['kind'], bytes?: number, target?: string]

const file = (path: string, bytes: number): Entry => [path, 'file', bytes]
const folder = (path: string): Entry => [path, 'folder']
const entriesOf = (entries: readonly Entry[]): LayerEntry[] =>
  entries.map(([path, kind, bytes = 0, target = '']) => ({ path, kind, bytes, target }))

const FILES = { a: '1', 'src/b': '22', 'src/deep/c': '333', 'other/d': '4444' }

/** A context with these files, beside which some links lie. */
function contextWith(more: Readonly<Record<string, string | Buffer>> = {}): string {
  const context = temporaryFolder()
  for (const [path, content] of Object.entries({ ...FILES, ...more })) {
    mkdirSync(dirname(join(context, path)), { recursive: true })
    writeFileSync(join(context, path), content)
  }
  execFileSync('ln', ['-s', 'src/b', join(context, 'link')])
  execFileSync('ln', ['-s', 'nowhere', join(context, 'src/broken')])
  execFileSync('ln', [join(context, 'src/b'), join(context, 'src/same')])
  return context
}

/** Whether the layers of the steps of a Dockerfile have what it says, in one stage or several. */
async function proven(
  lines: readonly string[],
  layers: readonly StepLayer[] | { readonly why: string },
  context = contextWith(),
  told: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const analysis = analysisOf(lines.join('\n'), { told })
  const copies = contextCopies(analysis, analysis.stages.length - 1)
  const paths = copies.flatMap((copy) => copy.paths)
  const survey = await surveyContext({ context, paths, ignores: () => false })
  const read = copies.map((copy) => ({ ...copy, files: () => survey.takenBy(copy.paths) }))
  return await whyUnproved({ copies: read, read: () => survey.takenBy(paths) }, context, layers)
}

const one = async (line: string, entries: readonly Entry[], context?: string) =>
  await proven(['FROM scratch', line], [{ stage: 0, index: 1, entries: entriesOf(entries) }], context)

describe('what was taken for the value of a variable is proven by the environment of the step', () => {
  const entries = entriesOf([file('x', 1)])
  const lines = ['FROM base', 'ARG TARGETARCH', 'COPY $TARGETARCH /x']
  const told = { TARGETARCH: 'a' }
  it.each<[env: readonly string[] | undefined, fault: string | undefined]>([
    [[], undefined],
    [['PATH=/bin', 'TARGETARCH=a', 'TARGETARCHS=b'], undefined],
    [['TARGETARCH=other'], 'COPY in line 3 may have taken other files: its base image sets TARGETARCH'],
    [undefined, "COPY in line 3 may have taken other files: whether its base image sets TARGETARCH isn't known"],
  ])('%j', async (env, fault) => {
    expect(await proven(lines, [{ stage: 0, index: 2, entries, env }], contextWith(), told)).toBe(fault)
  })
})

describe('a layer is proven', () => {
  it.each<[line: string, entries: readonly Entry[]]>([
    ['COPY src /x/', [folder('x/'), file('x/b', 2), folder('x/deep/'), file('x/deep/c', 3)]],
    // Hard links, in the order in which the engine comes to them, and a link.
    [
      'COPY src /x/',
      [
        ['x/same', 'file', 2],
        ['x/b', 'hard link', 0, 'x/same'],
        ['x/broken', 'link', 0, 'nowhere'],
      ],
    ],
    ['COPY a /another', [folder('deep/'), file('deep/another', 1)]],
    // What a link leads to, under its own name, and under another.
    ['COPY link a /x/', [file('x/link', 2), file('x/a', 1)]],
    ['COPY link /x', [file('x', 2)]],
    ['COPY a /x/', [file('x/.wh.gone', 0), file('x/a', 1)]],
    ['COPY $SOME /x/', [file('x/d', 4), file('x/c', 3)]],
    ['COPY src/deep /x/', []],
  ])('%s: %j', async (line, entries) => {
    expect(await one(line, entries)).toBeUndefined()
  })

  it.each([
    'COPY --from=base /o /o',
    'COPY <<EOF /o\ntext\nEOF',
    `ADD --checksum=sha256:0 https://a.example/o /o`,
    'RUN x',
  ])('without being looked at: %s', async (text) => {
    expect(await one(text, [file('o', 77)])).toBeUndefined()
  })

  it('also in a stage that others are made of', async () => {
    const lines = [
      'FROM a AS unneeded',
      'COPY a /a',
      'FROM a AS needed',
      'COPY a /a',
      'FROM a',
      'COPY --from=needed /a /a',
    ]
    const layer = (index: number, bytes: number) => ({ stage: 1, index, entries: entriesOf([file('a', bytes)]) })
    expect(await proven(lines, [layer(1, 1)])).toBeUndefined()
    expect(await proven(lines, [layer(1, 2)])).toMatch(/^COPY in line 4 added "a", /)
  })

  it('with the members of an archive that was read, and with no others', async () => {
    const members = [file('m', 9), file('n', 8)]
    const tar = (...flags: string[]) => execFileSync('tar', ['--create', ...flags, '--directory', contextWith(), 'a'])
    for (const archive of [tar(), tar('--format=v7'), gzipSync(tar())]) {
      const context = contextWith({ 'pack.any': archive })
      expect(await one('ADD pack.any /', members, context)).toBeUndefined()
      expect(await one('COPY pack.any /', members, context)).toMatch(/^COPY in line 2 added "m"/)
    }
    expect(await one('ADD a /', members)).toMatch(/^ADD in line 2 added "m"/)
    // One in a folder is not unpacked.
    expect(await one('ADD in /', members, contextWith({ 'in/pack.tar': tar() }))).toMatch(/^ADD in line 2 added "m"/)
  })
})

describe('a layer is not proven', () => {
  it.each<[line: string, entries: readonly Entry[], named: string]>([
    ['COPY src /x/', [file('x/b', 2), file('x/other', 3)], 'x/other'],
    // Another size, another kind, and of another place of the context than was read.
    ['COPY src /x/', [file('x/b', 2), file('x/c', 4)], 'x/c'],
    ['COPY src /x/', [file('x/c', 3), ['x/b', 'link', 0, 'c']], 'x/b'],
    ['COPY src /x/', [file('x/c', 3), ['x/broken', 'link', 0, 'elsewhere']], 'x/broken'],
    ['COPY src /x/', [file('x/b', 2), file('x/d', 4)], 'x/d'],
    ['COPY src /x/', [file('x/b', 2), ['x/pipe', 'other']], 'x/pipe'],
    ['COPY src /x/', [file('x/b', 2), ['x/c', 'hard link', 0, 'elsewhere/c']], 'x/c'],
    ['COPY a /x', [file('x', 2)], 'x'],
    ['COPY a /x/', [file('x/.wh.full', 3), file('x/a', 1)], 'x/.wh.full'],
    ['COPY a /x/', [file('x/\n::error::', 9)], 'x/\\u000a::error::'],
  ])('%s: %j', async (line, entries, named) => {
    const shown = named.replace('\\u000a', '\\n')
    expect(await one(line, entries)).toBe(
      `COPY in line 2 added "${shown}", which is not one of the files that were compared`,
    )
  })

  it('where it can’t be listed', async () => {
    expect(await proven(['FROM scratch', 'COPY a /'], [])).toBe("can't list the files that COPY in line 2 added")
    expect(await proven(['FROM scratch', 'COPY a /'], { why: 'it is so' })).toBe('it is so')
    expect(await proven(['FROM scratch', 'RUN x'], { why: 'it is so' })).toBeUndefined()
  })
})
