import { describe, expect, it } from '@jest/globals'
import { parseDockerfile } from '../../../src/dockerfile/dockerfile.js'
import { expand, globalValues } from '../../../src/dockerfile/variables.js'

const values = new Map<string, string | undefined>([
  ['A', 'one'],
  ['AB', 'two'],
  ['EMPTY', ''],
  ['HARD', 'x$y'],
  ['UNKNOWN', undefined],
])

describe('expand', () => {
  it.each<[text: string, expanded: string | undefined]>([
    ['', ''],
    ['alpine:3.20', 'alpine:3.20'],
    ['$A', 'one'],
    ['${A}', 'one'],
    ['x-$A/${A}:$AB', 'x-one/one:two'],
    ['${A}B', 'oneB'],
    ['$A-B', 'one-B'],
    ['$a', ''],
    ['x$NONE.y', 'x.y'],
    // the four operators
    ['${A:-word}', 'one'],
    ['${NONE:-word}', 'word'],
    ['${EMPTY:-word}', 'word'],
    ['${A-word}', 'one'],
    ['${NONE-word}', 'word'],
    ['${EMPTY-word}', ''],
    ['${A:+word}', 'word'],
    ['${NONE:+word}', ''],
    ['${EMPTY:+word}', ''],
    ['${A+word}', 'word'],
    ['${NONE+word}', ''],
    ['${EMPTY+word}', 'word'],
    ['${NONE:-}', ''],
    ['${NONE:-a:b-c+d}', 'a:b-c+d'],
    // what only the engine can read
    ['${NONE:-$A}', undefined],
    ['${NONE:-${A}}', undefined],
    ['${A:?message}', undefined],
    ['${A#o}', undefined],
    ['${A%e}', undefined],
    ['${A/o/e}', undefined],
    ['${A', undefined],
    ['$', undefined],
    ['$$A', undefined],
    ['"$A"', undefined],
    ["'a'", undefined],
    ['\\$A', undefined],
    // a value that would have to be read once more
    ['$HARD', undefined],
    ['${HARD+word}', undefined],
    ['${HARD:+word}', undefined],
    ['${HARD:-word}', undefined],
    ['$UNKNOWN', undefined],
    ['${UNKNOWN:-word}', undefined],
    ['${UNKNOWN+word}', undefined],
  ])('%j is %j', (text, expanded) => {
    expect(expand(text, values)).toBe(expanded)
  })
})

describe('globalValues', () => {
  const automatic = new Map([
    ['TARGETARCH', 'amd64'],
    ['TARGETOS', 'linux'],
  ])
  /** What a text comes to in a FROM line below these lines. */
  const come = (text: string, lines: readonly string[], buildArgs: Readonly<Record<string, string>> = {}) => {
    const dockerfile = parseDockerfile([...lines, 'FROM scratch', 'ARG LATER=later'].join('\n'))
    return expand(text, globalValues(dockerfile, new Map(Object.entries(buildArgs)), automatic))
  }

  it.each<[what: string, lines: string[], buildArgs: Record<string, string>, text: string, value: string | undefined]>([
    ['a default', ['ARG V=3.20'], {}, 'a:$V', 'a:3.20'],
    ['a default in double quotes', ['ARG V="3.20"'], {}, 'a:$V', 'a:3.20'],
    ['a default in single quotes', ["ARG V='3.20'"], {}, 'a:$V', 'a:3.20'],
    ['an empty default', ['ARG V='], {}, 'a$V', 'a'],
    ['no default', ['ARG V'], {}, 'a$V', 'a'],
    ['what is given', ['ARG V=3.20'], { V: '3.21' }, 'a:$V', 'a:3.21'],
    ['what is given without a default', ['ARG V'], { V: '3.21' }, 'a:$V', 'a:3.21'],
    ['an empty text that is given', ['ARG V=3.20'], { V: '' }, 'a$V', 'a'],
    ['what is given and not declared', [], { V: '3.21' }, 'a$V', 'a'],
    ['what is declared later', [], {}, 'a$LATER', 'a'],
    ['a default that has another in it', ['ARG A=x', 'ARG V=${A}-1'], {}, '$V', 'x-1'],
    ['a quoted default that has another in it', ['ARG A=x', 'ARG V="${A:-y}-1"'], {}, '$V', 'x-1'],
    ['a default that has what is given in it', ['ARG A=x', 'ARG V=$A'], { A: 'y' }, '$V', 'y'],
    ['two in a line', ['ARG A=x B=y'], {}, '$A$B', 'xy'],
    ['the last of two', ['ARG A=x', 'ARG A=y'], {}, '$A', 'y'],
    ['what the engine declares', [], {}, '$TARGETOS/$TARGETARCH', 'linux/amd64'],
    ['what the engine declares, declared once more', ['ARG TARGETARCH'], {}, '$TARGETARCH', 'amd64'],
    ['what the engine declares, given', ['ARG TARGETARCH'], { TARGETARCH: 'arm64' }, '$TARGETARCH', 'arm64'],
    ['what the engine declares, given and not declared', [], { TARGETARCH: 'arm64' }, '$TARGETARCH', undefined],
    // What can't be read isn't taken for nothing.
    ['a default with an escape', ['ARG V=a\\b'], {}, 'alpine$V', undefined],
    ['a default with a nested default', ['ARG V=${A:-${B}}'], {}, 'alpine$V', undefined],
    ['quotes within a default', ['ARG V=a"b"'], {}, 'alpine$V', undefined],
    ['that in a word for its absence', ['ARG V=a"b"'], {}, '${V:-alpine}', undefined],
    ['a default that has that in it', ['ARG A=a"b"', 'ARG V=x$A'], {}, '$V', undefined],
    ['that, given after all', ['ARG V=a"b"'], { V: 'x' }, '$V', 'x'],
    ['that, declared once more', ['ARG V=x', 'ARG V=a"b"'], {}, '$V', undefined],
  ])('%s', (_, lines, buildArgs, text, value) => {
    expect(come(text, lines, buildArgs)).toBe(value)
  })
})
