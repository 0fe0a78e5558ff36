import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { parseDockerfile, readInstructions, type Instruction } from '../../src/dockerfile/dockerfile.js'
import { heredocsOf } from '../../src/dockerfile/heredocs.js'
import type { Dialect } from '../../src/dockerfile/lines.js'
import { describeExhaustively } from '../harness/test-set.js'

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

const folder = join(import.meta.dirname, '../dockerfiles')
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
  const own = readInstructions(text, dialect)
  const none: Instruction = { line: 0, keyword: 'none', flags: [], argument: '', heredoc: false }
  const last: Expected = { line: 0, keyword: 'none', text: '' }
  const places = [...Array(Math.max(own.length, expected.length)).keys()]
  return {
    own: places.map((place) => seen(own[place] ?? none, expected[place] ?? last)),
    expected: places.map((place) => said(expected[place] ?? last, own[place] ?? none)),
  }
}

describe('the corpus', () => {
  it('has all the cases, and enough that the engines read', () => {
    const names = Object.keys(JSON.parse(read('cases.json')) as object)
    expect(corpus.filter(({ name }) => !name.startsWith('random ')).map(({ name }) => name)).toStrictEqual(names.sort())
    expect(corpus.filter(({ buildkit }) => buildkit.error === undefined).length).toBeGreaterThan(300)
  })
})

describe.each(['BuildKit', 'Buildah'] as const)('as %s reads it', (dialect) => {
  it.each(corpus.map((own) => [own.name, own] as const))('%s', (_, own) => {
    const both = compared(own, dialect)
    expect(both?.own).toStrictEqual(both?.expected)
  })
})

describe('parseDockerfile', () => {
  it.each(corpus.map((own) => [own.name, own] as const))('stages: %s', (_, { text, buildkit, buildah }) => {
    // Where one of them refuses it, the other one is the engine.
    const { instructions } = buildkit.error === undefined ? buildkit : (buildah ?? buildkit)
    const parsed = parseDockerfile(text)
    if (instructions === undefined) return
    const froms = instructions.filter(({ keyword }) => keyword === 'FROM')
    expect(parsed.stages.map(({ line, base }) => [line, base])).toStrictEqual(
      froms.map(({ line, words: [base = ''] = [] }) => [line, base]),
    )
    expect(parsed.stages.map(({ name }) => name)).toStrictEqual(
      froms.map(({ words: [, as = '', name] = [] }) => (as.toUpperCase() === 'AS' ? name : undefined)),
    )
  })

  it.each(corpus.filter(({ buildah }) => buildah !== undefined).map((own) => [own.name, own] as const))(
    'marks what is ambiguous: %s',
    (_, { text, buildkit, buildah }) => {
      if (buildkit.error !== undefined || buildah?.error !== undefined) return
      expect(parseDockerfile(text).ambiguous).toBeGreaterThan(0)
    },
  )

  it('calls nothing ambiguous that the engines read alike', () => {
    const alike = corpus.filter(({ buildkit, buildah }) => buildah === undefined && buildkit.error === undefined)
    expect(alike.filter(({ text }) => parseDockerfile(text).ambiguous !== undefined).map(({ name }) => name)).toEqual([])
  })
})

describeExhaustively('the parsers themselves', () => {
  const ask = (...args: string[]) =>
    execFileSync('go', ['run', '.', ...args], { cwd: join(folder, 'expectations'), encoding: 'utf8', maxBuffer: 2 ** 28 })

  it('still say what is expected of them', () => {
    expect(ask('-cases', '../cases.json', '-seed', '1', '-random', '150')).toBe(read('expectations.jsonl'))
  })

  it('read random files as this one does', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    const fresh = casesIn(ask('-seed', String(seed), '-random', '5000'))
    const wrong = fresh.flatMap((own) =>
      (['BuildKit', 'Buildah'] as const).flatMap((dialect) => {
        const both = compared(own, dialect)
        return JSON.stringify(both?.own) === JSON.stringify(both?.expected) ? [] : [[seed, dialect, own.text, both]]
      }),
    )
    expect(wrong.slice(0, 3)).toStrictEqual([])
  })
})
