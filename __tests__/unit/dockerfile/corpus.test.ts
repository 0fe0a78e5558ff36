import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { type Instruction, parseDockerfile, readInstructions, stepsOf } from '../../../src/dockerfile/dockerfile.js'
import { heredocsOf } from '../../../src/dockerfile/heredocs.js'
import type { Dialect } from '../../../src/dockerfile/lines.js'
import { isExhaustive } from '../../harness/test-set.js'

/** An instruction as the parser of an engine gives it. */
interface Expected {
  readonly line: number
  readonly keyword: string
  /** The whole of it, its lines joined. */
  readonly text: string
  readonly flags?: readonly string[]
  /** Those of FROM. */
  readonly words?: readonly string[]
  readonly heredocs?: readonly { readonly name: string; readonly content: string }[]
}

interface Reading {
  readonly instructions?: readonly Expected[]
  /** Why it refuses the file. */
  readonly error?: string
}

interface Case {
  readonly name: string
  readonly text: string
  readonly buildkit: Reading
  /** Only where it isn't the same. */
  readonly buildah?: Reading
}

const folder = join(import.meta.dirname, '../../dockerfiles')
const read = (name: string) => readFileSync(join(folder, name), 'utf8')
const casesIn = (lines: string) => lines.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Case]))
const corpus = casesIn(read('expectations.jsonl'))

/** What is compared of an instruction. */
const seen = ({ line, keyword, flags, argument, heredoc }: Instruction, { text }: Expected) => ({
  line,
  keyword,
  flags: flags.map(({ name, value }) => (value === '' ? `--${name}` : `--${name}=${value}`)),
  argument,
  heredocs: heredoc ? heredocsOf(text).map(({ name }) => name) : [],
})

/** The same of what the engine says; flags with nothing behind `=` are taken for flags without it. */
const said = ({ line, keyword, text, flags = [], heredocs = [] }: Expected, { argument }: Instruction) => ({
  line,
  keyword,
  flags: flags.map((flag) => flag.replace(/^([^=]*)=$/, '$1')),
  argument: argumentIn(text, heredocs, argument),
  heredocs: heredocs.map(({ name }) => name),
})

/** The argument, where it is the end of the engine's line with the bodies of its heredocs behind it; else what that is. */
function argumentIn(text: string, heredocs: Expected['heredocs'] = [], argument: string): string {
  const [line = '', ...rest] = argument.split('\n')
  const bodies = rest.map((each) => each.replace(/\r*$/, '')).join('\n')
  const contents = heredocs.map(({ content }) => content.replaceAll(/\r*\n|\r*$/g, '\n').trim())
  const isThere = text.replaceAll(SPACES, ' ').trim().endsWith(line.replaceAll(SPACES, ' ').trim())
  return isThere && contents.every((content) => bodies.includes(content)) ? argument : `${text} with ${contents.join()}`
}

const SPACES = /\s|\u0085/g

/** Where our reading is another one than the engine's, as two values to compare; undefined where the engine refuses. */
function compared({ text, buildkit, buildah = buildkit }: Case, dialect: Dialect) {
  const { instructions: expected } = dialect === 'BuildKit' ? buildkit : buildah
  if (expected === undefined) return undefined
  const { instructions: own } = readInstructions(text, dialect)
  const none: Instruction = { line: 0, keyword: 'none', flags: [], argument: '', heredoc: false }
  const last: Expected = { line: 0, keyword: 'none', text: '' }
  const places = [...Array(Math.max(own.length, expected.length)).keys()]
  return {
    own: places.map((place) => seen(own[place] ?? none, expected[place] ?? last)),
    expected: places.map((place) => said(expected[place] ?? last, own[place] ?? none)),
  }
}

/** The files of a corpus that are read otherwise than by the engine, with both readings. */
const misread = (cases: readonly Case[], dialect: Dialect) =>
  cases.flatMap((own) => {
    const both = compared(own, dialect)
    return JSON.stringify(both?.own) === JSON.stringify(both?.expected) ? [] : [{ ...both, text: own.text, dialect }]
  })

/** What the engine refuses tells nothing. Where one refuses what the other one reads, that is the engine. */
const readable = corpus.flatMap(({ text, buildkit, buildah = buildkit }) => {
  const instructions = buildkit.instructions ?? buildah.instructions
  return instructions === undefined ? [] : [{ text, instructions }]
})

const stagesOf = (instructions: readonly Expected[]) =>
  instructions.flatMap(({ keyword, line, words: [base = '', as = '', name] = [] }) =>
    keyword === 'FROM' ? [{ line, base, name: as.toUpperCase() === 'AS' ? name : undefined }] : [],
  )

describe('the corpus', () => {
  it('has all the cases, most of them readable', () => {
    const names = Object.keys(JSON.parse(read('cases.json')) as object)
    expect(corpus.filter(({ name }) => !name.startsWith('random ')).map(({ name }) => name)).toStrictEqual(names.sort())
    expect(readable.length).toBeGreaterThan(450)
  })

  it.each(['BuildKit', 'Buildah'] as const)('is read as %s reads it', (dialect) => {
    expect(misread(corpus, dialect)).toStrictEqual([])
  })

  it('has the stages that the engines see', () => {
    const stages = (text: string) => parseDockerfile(text).stages.map(({ line, base, name }) => ({ line, base, name }))
    const wrong = readable.flatMap(({ text, instructions }) => {
      const [own, expected] = [stages(text), stagesOf(instructions)]
      return JSON.stringify(own) === JSON.stringify(expected) ? [] : [{ text, own, expected }]
    })
    expect(wrong).toStrictEqual([])
  })

  it('is ambiguous where both read it, each in its own way, and nowhere else', () => {
    const both = corpus.filter(({ buildkit, buildah = buildkit }) => (buildkit.error ?? buildah.error) === undefined)
    const names = (cases: readonly Case[]) => cases.map(({ name }) => name)
    expect(names(both.filter(({ text }) => parseDockerfile(text).ambiguous !== undefined))).toStrictEqual(
      names(both.filter(({ buildah }) => buildah !== undefined)),
    )
  })
})

describe('parseDockerfile', () => {
  it.each([
    ['a long word', 'RUN ' + 'x'.repeat(2 ** 20)],
    ['blanks', `RUN${' '.repeat(2 ** 20)}x`],
    ['blanks of Unicode', `RUN x${'\u3000'.repeat(2 ** 20)}y`],
    ['blanks behind a backslash', `RUN \\${' '.repeat(2 ** 20)}y`],
    ['backslashes', 'RUN ' + '\\'.repeat(2 ** 20)],
    ['digits before arrows', `RUN ${'0'.repeat(2 ** 18)}<<`],
    ['blanks between arrows', `RUN <<${' '.repeat(2 ** 18)}<`],
    ['arrows', 'RUN ' + '<< '.repeat(2 ** 16)],
    ['quotes', `RUN << ${`"a" 'b' `.repeat(2 ** 15)}"`],
    ['braces within braces', 'RUN << ' + '${x:-'.repeat(2 ** 18)],
    ['lists within lists', 'RUN ' + '['.repeat(2 ** 18) + '<<'],
    ['a long list', `RUN [${'"<<",'.repeat(2 ** 18)}"x"]`],
    ['flags', 'COPY ' + '--a="b" '.repeat(2 ** 15)],
    ['a long directive', `# escape${' '.repeat(2 ** 20)}=${' '.repeat(2 ** 20)}x${' '.repeat(2 ** 20)}y`],
    ['heredocs without an end', 'RUN <<EOF\n'.repeat(2 ** 14)],
    ['comments in a line', `RUN x \\\n${'# y\n'.repeat(2 ** 18)}`],
  ])('takes time in proportion: %s', (_, text) => {
    expect(stepsOf(parseDockerfile(`${text}\n`.replace(/^(?!#)/, 'FROM a\n'))).length).toBeGreaterThanOrEqual(0)
  })
})

if (isExhaustive && spawnSync('go', ['version']).status === 0) {
  describe('the parsers themselves', () => {
    const ask = (...args: string[]) => {
      const cwd = join(folder, 'expectations')
      return execFileSync('go', ['run', '.', ...args], { cwd, encoding: 'utf8', maxBuffer: 2 ** 28 })
    }

    it('still say what is expected of them', () => {
      expect(ask()).toBe(read('expectations.jsonl'))
    })

    it('read random files as they are read here', () => {
      const seed = String(Math.floor(Math.random() * 2 ** 31))
      const fresh = casesIn(ask('-cases', '', '-seed', seed, '-random', '5000'))
      const wrong = (['BuildKit', 'Buildah'] as const).flatMap((dialect) => misread(fresh, dialect))
      expect({ seed, wrong: wrong.slice(0, 3) }).toStrictEqual({ seed, wrong: [] })
    })
  })
}
