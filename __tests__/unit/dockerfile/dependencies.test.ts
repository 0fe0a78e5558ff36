import { describe, expect, it } from '@jest/globals'
import {
  contextCopies,
  type ContextPath,
  type Dependencies,
  dependenciesOf,
  ownCopies,
} from '../../../src/dockerfile/dependencies.js'
import { findTarget, targetIndex } from '../../../src/dockerfile/dockerfile.js'
import { withStagesSpelled } from '../../../src/dockerfile/stage-spelling.js'
import { analysisOf } from '../helpers.js'

interface Given {
  readonly target?: string
  readonly buildArgs?: Readonly<Record<string, string>>
  readonly contexts?: readonly string[]
}

const take = (lines: readonly string[], { target, ...given }: Given = {}): Dependencies => {
  const text = lines.join('\n')
  const analysis = analysisOf(withStagesSpelled(text) ?? text, { automatic: { TARGETARCH: 'amd64' }, ...given })
  const stage = target === undefined ? undefined : findTarget(analysis.dockerfile, target)
  return dependenciesOf(analysis, targetIndex(analysis.dockerfile, stage))
}

const copied = (path: string): ContextPath => ({ path, mounted: false })
const mounted = (path: string): ContextPath => ({ path, mounted: true })
const unknown = (line: number, what: string) => `line ${line}: ${what} can't be known before the build`
const downloads = 'what ADD downloads, since it has no --checksum,'
const guessed = { path: '', mounted: false, guessed: true }
const nothing: Dependencies = { images: [], paths: [], contexts: [], doubts: [] }

describe('FROM', () => {
  it.each<[what: string, lines: string[], given: Given, images: string[]]>([
    ['an image', ['FROM alpine:3.20'], {}, ['alpine:3.20']],
    ['an image with a digest', ['FROM alpine@sha256:ab'], {}, ['alpine@sha256:ab']],
    ['nothing', ['FROM scratch'], {}, []],
    ['an argument with a default', ['ARG V=3.20', 'FROM alpine:$V'], {}, ['alpine:3.20']],
    ['an argument that is given', ['ARG V=3.20', 'FROM alpine:$V'], { buildArgs: { V: '3.21' } }, ['alpine:3.21']],
    ['a default where it is used', ['ARG V', 'FROM alpine:${V:-3.20}'], {}, ['alpine:3.20']],
    ['a quoted default', ['ARG B="alpine:3.20"', 'FROM ${B}'], {}, ['alpine:3.20']],
    ['an argument of the platform', ['FROM $TARGETARCH/alpine'], {}, ['amd64/alpine']],
    ['an image with flags and a name', ['from --platform=linux/arm64 alpine as x'], {}, ['alpine']],
    ['an argument that names a stage', ['ARG S=one', 'FROM a AS one', 'FROM b AS two', 'FROM $S'], {}, ['a']],
    [
      'an argument that names another stage',
      ['ARG S=one', 'FROM a AS one', 'FROM b AS two', 'FROM $S'],
      { buildArgs: { S: 'two' } },
      ['b'],
    ],
    ['each image once', ['FROM a AS x', 'FROM a', 'COPY --from=x / /', 'COPY --from=a / /'], {}, ['a']],
  ])('names %s', (_, lines, given, images) => {
    expect(take(lines, given)).toStrictEqual({ ...nothing, images })
  })

  it.each<[lines: string[], doubt: string]>([
    [['ARG B', 'FROM $B'], unknown(2, 'what FROM $B names')],
    [['', '', 'FROM ${B:?x}'], unknown(3, 'what FROM ${B:?x} names')],
    [['FROM "alpine"'], unknown(1, 'what FROM "alpine" names')],
    [['ARG V=a"b"', 'FROM alpine$V'], unknown(2, 'what FROM alpine$V names')],
  ])('%j is in doubt', (lines, doubt) => {
    expect(take(lines)).toStrictEqual({ ...nothing, doubts: [doubt] })
  })
})

describe('stages', () => {
  const lines = [
    ...['FROM one AS First', 'COPY a /'],
    ...['FROM two', 'COPY b /', 'RUN --mount=source=m,target=/m x'],
    ...['FROM three AS third', 'COPY c /', 'COPY --from=FIRST /a /'],
    ...['FROM four AS last', 'COPY d /', 'COPY --from=1 /b /'],
  ]

  it.each<[target: string | undefined, images: string[], paths: ContextPath[]]>([
    ['first', ['one'], [copied('a')]],
    ['1', ['two'], [copied('b'), mounted('m')]],
    ['third', ['three', 'one'], [copied('c'), copied('a')]],
    ['last', ['four', 'two'], [copied('d'), copied('b'), mounted('m')]],
    [undefined, ['four', 'two'], [copied('d'), copied('b'), mounted('m')]],
  ])('count only where the target %j needs them', (target, images, paths) => {
    expect(take(lines, target === undefined ? {} : { target })).toStrictEqual({ ...nothing, images, paths })
  })

  it('that a mount shows are needed, and those that these need', () => {
    const found = take([
      ...['FROM base AS deps', 'COPY lock /', 'FROM deps AS built', 'COPY src /', 'FROM unused', 'COPY other /'],
      ...['FROM scratch', 'RUN --mount=from=BUILT,target=/m x'],
    ])
    expect(found).toStrictEqual({ ...nothing, images: ['base'], paths: [copied('lock'), copied('src')] })
  })

  it('that come later are images', () => {
    const found = take(['FROM a AS x', 'COPY --from=y / /', 'COPY --from=1 / /', 'FROM x AS y', 'COPY z /'])
    expect(found).toStrictEqual({ ...nothing, images: ['a', 'y', '1'], paths: [copied('z')] })
  })

  it('may be called like their own image', () => {
    expect(take(['FROM alpine AS alpine', 'COPY a /'])).toStrictEqual({
      ...nothing,
      images: ['alpine'],
      paths: [copied('a')],
    })
  })

  it('of the same name count all', () => {
    expect(take(['FROM a AS x', 'FROM b AS X', 'FROM x']).images).toStrictEqual(['a', 'b'])
  })

  it('are none in a Dockerfile without one', () => {
    expect(take([''])).toStrictEqual(nothing)
    expect(take(['COPY a /'])).toStrictEqual(nothing)
  })
})

/** What one step of a stage on nothing takes. */
const step = (text: string, given: Given = {}): Dependencies => take(['FROM scratch', text], given)

describe('COPY and ADD', () => {
  it.each<[text: string, change: Partial<Dependencies>]>([
    ['COPY a ./b/ /d', { paths: [copied('a'), copied('b')] }],
    ['COPY . .', { paths: [copied('')] }],
    ['COPY src/*.ts /', { paths: [copied('src/*.ts')] }],
    ['COPY a a /', { paths: [copied('a')] }],
    ['COPY ["a b", "/d"]', { paths: [copied('a b')] }],
    ['ADD a.tar /', { paths: [copied('a.tar')] }],
    // from elsewhere
    ['COPY --from=alpine:3.20 /a /', { images: ['alpine:3.20'] }],
    ['COPY --link --from=alpine a b', { images: ['alpine'] }],
    ['COPY --from=7 a b', { images: ['7'] }],
    ['COPY --from= a b', { paths: [copied('a')] }],
    ['COPY --from="x" a b', { images: ['x'] }],
    ["COPY --from='x' a b", { images: ['x'] }],
    // It may be anywhere.
    ['COPY $A /', { paths: [guessed] }],
    ['COPY a ${B}/c /', { paths: [guessed] }],
    ['COPY ["$A", "/"]', { paths: [guessed] }],
    ['COPY "a b" /', { paths: [guessed] }],
    ['COPY a\\ b /', { paths: [guessed] }],
    ['COPY ../a /', { paths: [guessed] }],
    ['COPY --exclude=*.md a /', { paths: [guessed] }],
    ['COPY --parents a/b /', { paths: [guessed] }],
    // Where it goes to doesn't count.
    ['COPY a $HOME/', { paths: [copied('a')] }],
    ['COPY a ${DIR:-/x}', { paths: [copied('a')] }],
    ['ADD a.tar $HOME/', { paths: [copied('a.tar')] }],
    ['ADD a.tar ${DIR:-/x}', { paths: [copied('a.tar')] }],
    // A heredoc has its content in the Dockerfile; what else is copied isn't told apart.
    ['COPY <<EOF /f\nCOPY x y\nEOF', { paths: [guessed] }],
    ['COPY a <<EOF /f\ntext\nEOF', { paths: [guessed] }],
    // steps that take nothing
    ['RUN cp a b', {}],
    ['RUN <<EOF\nCOPY a b\nEOF', {}],
    ['ENV A=COPY', {}],
  ])('%j', (text, change) => {
    expect(step(text)).toStrictEqual({ ...nothing, ...change })
  })

  // Quotes are gone when an engine reads a flag, unless they are escaped.
  it.each(['$S', '\\"x\\"', "\\'x\\'", '${S}'])('from %s are in doubt', (from) => {
    const what = unknown(2, `what --from=${from.replaceAll('\\', '')} names`)
    expect(step(`COPY --from=${from} a b`)).toStrictEqual({ ...nothing, doubts: [what] })
  })

  it.each([
    'ADD https://host/x /',
    'add http://host/x /',
    'ADD git://host/x /',
    'ADD ssh://host/x /',
    'ADD git@host:x /',
    'ADD me@host:x /',
    'ADD a https://host/x /',
    'ADD "https://host/x" /',
    "ADD 'https://host/x' /",
    'ADD ["https://host/x", "/"]',
    'ADD [ "a", "https://host/x", "/" ]',
    'ADD --checksum= https://host/x /',
    // It may be empty.
    'ADD --checksum=$SUM https://host/x /',
    // The variable may be the address, its beginning or a piece of that.
    'ADD $URL /',
    'ADD ${URL} /',
    'ADD a ${URL}/x /',
    'ADD http$S://host/x /',
    'ADD ht${S}host/x /',
    'ADD "$URL" /',
    "ADD 'ht'tps://host/x /",
    'ADD \\https://host/x /',
    'ADD ["$URL", "/"]',
    'ADD ["\\u0068ttps://host/x", "/"]',
  ])('%j downloads', (text) => {
    expect(step(text).doubts).toStrictEqual([unknown(2, downloads)])
  })

  it.each([
    'ADD --checksum=sha256:ab https://host/x /',
    'ADD --checksum=sha256:$SUM https://host/x /',
    'ADD --checksum=0123abcd https://host/x.git /',
    'ADD a.tar b /',
    'ADD ./$A /',
    'ADD src/$A /',
    'COPY $A /',
    'COPY https://host/x /',
  ])('%j downloads nothing that could be another', (text) => {
    expect(step(text).doubts).toStrictEqual([])
  })
})

describe('mounts', () => {
  it.each<[options: string, change: Partial<Dependencies>]>([
    ['type=bind,source=a,target=/m', { paths: [mounted('a')] }],
    ['source=a,target=/m', { paths: [mounted('a')] }],
    ['src=/a/b/,target=/m', { paths: [mounted('a/b')] }],
    ['target=/m', { paths: [mounted('')] }],
    ['type=bind,target=/m,rw', { paths: [mounted('')] }],
    ['source=.,target=/m', { paths: [mounted('')] }],
    ['source=../../a,target=/m', { paths: [mounted('a')] }],
    ['source=$A/b,target=/m', { paths: [{ ...guessed, mounted: true }] }],
    ['source=a[1],target=/m', { paths: [{ ...guessed, mounted: true }] }],
    ['source=a*,target=/m', { paths: [{ ...guessed, mounted: true }] }],
    ['source=a\\\\b,target=/m', { paths: [{ ...guessed, mounted: true }] }],
    ['source=a,target=$M', { paths: [mounted('a')] }],
    ['type=bind,from=alpine:3.20,source=/a,target=/m', { images: ['alpine:3.20'] }],
    ['from=alpine,target=/m', { images: ['alpine'] }],
    ['from=,source=a,target=/m', { paths: [mounted('a')] }],
    ['type=bind,"source=a",target=/m', { paths: [mounted('a')] }],
    ['type=bind,source="my dir",target=/m', { paths: [mounted('my dir')] }],
    ['type=bind,source=my\\ dir,target=/m', { paths: [mounted('my dir')] }],
    // BuildKit reads names of options in any case.
    ['Type=bind,From=alpine,target=/m', { images: ['alpine'] }],
    ['type=cache,target=/m', {}],
    ['type=cache,source=a,target=/m', {}],
    ['type=cache,from=alpine,target=/m', { images: ['alpine'] }],
    ['type=secret,id=x', {}],
    ['type=secret', {}],
    ['type=ssh', {}],
    ['type=tmpfs,target=/m,size=1', {}],
  ])('%s', (options, change) => {
    expect(step(`RUN --mount=${options} x`)).toStrictEqual({ ...nothing, ...change })
  })

  it.each([
    'type=$T,target=/m',
    'from=$F,target=/m',
    'type=cache,from=$F,target=/m',
    '$O,target=/m',
    'type=bind,\\"source=a\\",target=/m',
    "type=bind,source=\\'a\\',target=/m",
    'type=npipe,target=/m',
  ])('%s are in doubt', (options) => {
    const what = unknown(2, `what --mount=${options.replaceAll('\\', '')} shows`)
    expect(step(`RUN --mount=${options} x`)).toStrictEqual({ ...nothing, doubts: [what] })
  })

  it('of a step count all, on all its lines', () => {
    const found = step('RUN --mount=source=a,target=/a \\\n  --network=none --mount=from=b,target=/b \\\n  x')
    expect(found).toStrictEqual({ ...nothing, images: ['b'], paths: [mounted('a')] })
  })

  it('of a path that is copied as well count by themselves', () => {
    expect(take(['FROM scratch', 'COPY a /', 'RUN --mount=source=a,target=/m x']).paths).toStrictEqual([
      copied('a'),
      mounted('a'),
    ])
  })

  it('are none in other steps', () => {
    expect(step('CMD --mount=from=alpine x')).toStrictEqual(nothing)
  })
})

describe('ONBUILD', () => {
  it('takes what its instruction does, in whatever stage that will be', () => {
    const lines = [
      ...['FROM a AS one', 'COPY x /'],
      ...['FROM b AS two', 'ONBUILD COPY y /', 'ONBUILD ADD https://host/z /', 'ONBUILD COPY --from=one / /'],
      ...['FROM two'],
    ]
    expect(take(lines)).toStrictEqual({
      ...{ images: ['b', 'a'], paths: [copied('y'), copied('x')], contexts: [] },
      doubts: [unknown(5, downloads)],
    })
  })

  it('may name a stage that comes between', () => {
    const lines = ['FROM a AS one', 'ONBUILD COPY --from=two / /', 'FROM b AS two', 'COPY x /', 'FROM one']
    expect(take(lines).paths).toStrictEqual([copied('x')])
  })

  it('may name its own stage', () => {
    const found = take(['FROM a AS one', 'ONBUILD COPY --from=one / /', 'ONBUILD COPY x /'])
    expect(found).toStrictEqual({ ...nothing, images: ['a'], paths: [copied('x')] })
  })

  it('shows mounts', () => {
    expect(step('ONBUILD RUN --mount=from=c,target=/m --mount=source=a,target=/n x')).toStrictEqual({
      ...nothing,
      images: ['c'],
      paths: [mounted('a')],
    })
  })
})

describe('further build contexts', () => {
  const contexts = ['docs', 'alpine', 'docker.io/acme/web:latest', 'one']

  it.each<[lines: string[], change: Partial<Dependencies>]>([
    [['FROM alpine'], { contexts: ['alpine'] }],
    [['ARG B=alpine', 'FROM $B'], { contexts: ['alpine'] }],
    [['FROM scratch', 'COPY --from=docs a /'], { contexts: ['docs'] }],
    [['FROM scratch', 'RUN --mount=from=docs,target=/m x'], { contexts: ['docs'] }],
    [['FROM alpine:3.20'], { images: ['alpine:3.20'] }],
    [['FROM scratch', 'COPY docs /'], { paths: [copied('docs')] }],
    // Engines don't agree on which of the two it is.
    [['FROM b AS one', 'FROM one'], { contexts: ['one'], images: ['b'] }],
    [['FROM alpine:latest'], { contexts: ['alpine'], images: ['alpine:latest'] }],
    [['FROM docker.io/library/alpine'], { contexts: ['alpine'], images: ['docker.io/library/alpine'] }],
    [['FROM acme/web'], { contexts: ['docker.io/acme/web:latest'], images: ['acme/web'] }],
    [['FROM scratch', 'COPY --from=Docs a /'], { contexts: ['docs'], images: ['Docs'] }],
  ])('%j', (lines, change) => {
    expect(take(lines, { contexts })).toStrictEqual({ ...nothing, ...change })
  })
})

it.each([
  ['# syntax=docker/dockerfile:1\n# escape=`\nFROM scratch\nCOPY a `\n b', 4],
  ['FROM scratch\nRUN echo \\\\\nCOPY a b', 2],
])('is in doubt where the engines read %j otherwise than each other', (text, line) => {
  expect(take([text]).doubts).toStrictEqual([unknown(line, 'how the engine reads it')])
})

it('every doubt is told once, in the order in which the stages are needed', () => {
  const lines = ['FROM $A AS x', 'ADD https://host/a https://host/b /', 'FROM $B', 'COPY --from=x / /']
  expect(take(lines).doubts).toStrictEqual([
    unknown(3, 'what FROM $B names'),
    unknown(1, 'what FROM $A names'),
    unknown(2, downloads),
  ])
})

describe('a name that is that of a stage but for its case', () => {
  it('is in doubt where it can’t be written as that stage has it', () => {
    const doubts = [unknown(3, 'whether node is a stage')]
    expect(take(['ARG B=node', 'FROM a AS Node', 'FROM $B'])).toStrictEqual({ ...nothing, images: ['a'], doubts })
  })

  it('is in no doubt where another stage has it', () => {
    const lines = ['FROM a AS Node', 'FROM b AS node', 'FROM scratch', 'COPY --from=node /o /o']
    expect(take(lines).doubts).toStrictEqual([])
  })
})

describe('the words of a line', () => {
  it.each([
    ['COPY my\u00a0file.txt /x/', 'my\u00a0file.txt'],
    ['\u00a0COPY a /x/', 'a'],
    ['\u3000COPY a /x/', 'a'],
    ['COPY ?.txt /x/', '?.txt'],
  ])('%j are those of the engines', (line, path) => {
    expect(take(['FROM scratch', line]).paths).toStrictEqual([copied(path)])
  })
})

/** The lines of some instructions. */
const linesOf = (steps: readonly { readonly line: number }[]) => steps.map(({ line }) => line)

describe('instructions that take all their files from the context', () => {
  it('are those of the stages that are needed, in the order of the file', () => {
    const text = 'FROM a AS x\nCOPY a /\nFROM b\nCOPY b /\nFROM c\nADD c /\nCOPY --from=x / /'
    expect(contextCopies(analysisOf(text), 2)).toStrictEqual([
      { keyword: 'COPY', line: 2, stage: 0, index: 1, paths: [copied('a')], isOfContext: true, assumed: new Map() },
      { keyword: 'ADD', line: 6, stage: 2, index: 1, paths: [copied('c')], isOfContext: true, assumed: new Map() },
    ])
  })

  it.each<[line: string, count: number]>([
    ['COPY $A /', 1],
    ['ADD a.tar /', 1],
    ['COPY --from=b / /', 0],
    ['COPY --from=$B / /', 0],
    ['COPY <<E a /\nE', 0],
    ['ADD a https://host/x /', 0],
    ['ADD --checksum=sha256:ab https://host/x /', 0],
    ['ONBUILD COPY a /', 0],
    ['RUN --mount=source=a,target=/a x', 0],
  ])('%j', (line, count) => {
    expect(contextCopies(analysisOf(`FROM a\n${line}`), 0)).toHaveLength(count)
  })
})

describe('instructions that layers of the image are of', () => {
  it.each<[what: string, lines: string[], contexts: string[], own: number[]]>([
    ['those of its stage and of what that stands on', ['FROM a AS x', 'COPY a /', 'FROM x', 'ADD b /'], [], [2, 4]],
    ['not those of what it copies from', ['FROM a AS x', 'COPY a /', 'FROM b', 'COPY --from=x / /'], [], [4]],
    ['of the stage by an argument', ['ARG S=x', 'FROM a AS x', 'COPY a /', 'FROM $S', 'COPY b /'], [], [3, 5]],
    ['of the last of one name', ['FROM a AS x', 'COPY a /', 'FROM a AS X', 'COPY b /', 'FROM x'], [], [4]],
    ['not of a stage that a context replaces', ['FROM a AS x', 'COPY a /', 'FROM x', 'COPY b /'], ['x'], [4]],
  ])('are %s', (_, lines, contexts, own) => {
    const analysis = analysisOf(lines.join('\n'), { contexts })
    expect(linesOf(ownCopies(analysis, analysis.stages.length - 1))).toStrictEqual(own)
  })
})

describe('COPY by an argument of the platform', () => {
  const told = { TARGETARCH: 'arm64', TARGETVARIANT: '' }
  const pathsOf = (lines: readonly string[], buildArgs = {}) => {
    const analysis = analysisOf(['FROM a', ...lines].join('\n'), { told, automatic: told, buildArgs })
    return dependenciesOf(analysis, analysis.stages.length - 1).paths
  }
  const all = [{ path: '', mounted: false, guessed: true }]

  it('takes what it names', () => {
    expect(
      pathsOf(['ARG TARGETARCH TARGETVARIANT', 'ENV A=$TARGETARCH', 'COPY bin-$TARGETARCH$TARGETVARIANT /x']),
    ).toStrictEqual([{ path: 'bin-arm64', mounted: false }])
  })

  it.each<[why: string, lines: readonly string[], buildArgs?: Record<string, string>]>([
    ['isn’t declared', ['COPY $TARGETARCH /x']],
    ['is declared later', ['COPY $TARGETARCH /x', 'ARG TARGETARCH']],
    ['is declared in another stage', ['ARG TARGETARCH', 'FROM b', 'COPY $TARGETARCH /x']],
    ['has a default', ['ARG TARGETARCH=x', 'COPY $TARGETARCH /x']],
    ['has a default later', ['ARG TARGETARCH', 'ARG TARGETARCH=x', 'COPY $TARGETARCH /x']],
    ['is set by ENV', ['ARG TARGETARCH', 'ENV A=b TARGETARCH=x', 'COPY $TARGETARCH /x']],
    ['may be set by ONBUILD', ['ARG TARGETARCH', 'COPY $TARGETARCH /x', 'ONBUILD ENV TARGETARCH=x']],
    ['was given', ['ARG TARGETARCH', 'COPY $TARGETARCH /x'], { TARGETARCH: 'x' }],
  ])('may take anything where it %s', (_, lines, buildArgs = {}) => {
    expect(pathsOf(lines, buildArgs)).toStrictEqual(all)
  })
})
