import { readFileSync } from 'node:fs'

import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'

import { KNOWN_WRONG } from '../../../src/dockerfile/known-wrong.js'
import { parseInputs } from '../../../src/runner/inputs.js'
import { outputsOf } from '../../../src/pipeline/outputs.js'
import { resultOf } from '../helpers.js'
import { PEER_INPUTS } from '../../../src/runner/peer-inputs.js'
import { INPUT_NAMES, INPUTS } from '../../../src/runner/input-table.js'

type Fill = (document: string, source: string) => string

type Rows = Readonly<Record<string, { readonly affects: string }>>

interface Tables {
  readonly fillReadme: Fill
  readonly fillInputs: (document: string, source: string, rows: Rows) => string
  readonly fillOutputs: Fill
  readonly fillWorkflowTables: Fill
  readonly fillEngines: (document: string, rows: typeof KNOWN_WRONG) => string
  readonly fillMigrating: (document: string, peerInputs: typeof PEER_INPUTS) => string
  readonly readGroups: (action: string) => readonly Group[]
  readonly renderTable: (header: readonly string[], rows: readonly (readonly string[])[]) => string
  readonly firstSentence: (text: string) => string
}

interface Group {
  readonly title: string
  readonly inputs: readonly (readonly [name: string, input: { readonly description: string }])[]
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default?: string }>>
  readonly outputs: Readonly<Record<string, { readonly description: string }>>
}

// A script has no types; in a variable, its path is not one that TypeScript looks up.
const script = '../../../scripts/tables.mjs'
const {
  fillReadme,
  fillInputs,
  fillOutputs,
  fillWorkflowTables,
  fillMigrating,
  fillEngines,
  readGroups,
  renderTable,
  firstSentence,
} = (await import(script)) as Tables

const text = (name: string) => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8')
const action = parse(text('action.yml')) as Action

describe('documents', () => {
  test.each([
    { document: 'README.md', fill: fillReadme, source: 'action.yml' },
    {
      document: 'docs/inputs.md',
      fill: (document: string, source: string) => fillInputs(document, source, INPUTS),
      source: 'action.yml',
    },
    { document: 'docs/outputs.md', fill: fillOutputs, source: 'action.yml' },
    { document: 'docs/workflows.md', fill: fillWorkflowTables, source: '.github/workflows/build-image.yml' },
  ])('$document has what $source gives (npm run tables)', ({ document, fill, source }) => {
    expect(text(document)).toBe(fill(text(document), text(source)))
  })

  test('docs/migrating.md has what the table of inputs of other actions gives (npm run tables)', () => {
    expect(text('docs/migrating.md')).toBe(fillMigrating(text('docs/migrating.md'), PEER_INPUTS))
  })

  test('docs/engines.md has what Buildah gets wrong as the code has it (npm run tables)', () => {
    expect(text('docs/engines.md')).toBe(fillEngines(text('docs/engines.md'), KNOWN_WRONG))
  })
})

describe('action.yml', () => {
  test('has the inputs of the table, in its order', () => {
    expect(Object.keys(action.inputs)).toStrictEqual(INPUT_NAMES)
  })

  test('has the inputs that the code reads, each of them', () => {
    const read = new Set<string>()
    parseInputs((name) => {
      read.add(name)
      return ''
    }, {})
    expect([...read].sort()).toStrictEqual([...INPUT_NAMES].sort())
  })

  test('has the defaults that the code takes for an input that is empty', () => {
    // An expression is empty where the runner has nothing for it, as act without a token.
    const defaultOf = (name: string) => action.inputs[name]?.default?.replace(/^\$\{\{.*\}\}$/, '') ?? ''
    const byDefault = parseInputs(defaultOf, {})
    expect(byDefault).toStrictEqual(parseInputs(() => '', {}))
  })

  test('has the outputs that the code writes', () => {
    expect(Object.keys(action.outputs).sort()).toStrictEqual(Object.keys(outputsOf(resultOf())).sort())
  })
})

describe('renderTable', () => {
  test('folds lines and keeps bars within their cell', () => {
    expect(renderTable(['Name', 'Says'], [['`a`', ' `x|y`\nor\n  more ']])).toBe(
      ['| Name | Says |', '| --- | --- |', '| `a` | `x\\|y` or more |'].join('\n'),
    )
  })
})

describe('readGroups', () => {
  test('has every input once, in the order of action.yml', () => {
    const names = readGroups(text('action.yml')).flatMap(({ inputs }) => inputs.map(([name]) => name))
    expect(names).toStrictEqual(Object.keys(action.inputs))
  })

  test('begins a group at each comment', () => {
    const groups = readGroups('inputs:\n  # First\n  a: {}\n  b: {}\n\n  # Second\n  c: {}\n')
    expect(groups.map(({ title, inputs }) => [title, inputs.map(([name]) => name)])).toStrictEqual([
      ['First', ['a', 'b']],
      ['Second', ['c']],
    ])
  })

  test('takes no input without a group', () => {
    expect(() => readGroups('inputs:\n  a: {}\n  # Second\n  b: {}\n')).toThrow('The first input is in no group')
  })
})

describe('firstSentence', () => {
  test.each([
    ['One sentence.', 'One sentence.'],
    ['First. Second.', 'First.'],
    ['Such as `1.2.3` or `image.tar`. Second.', 'Such as `1.2.3` or `image.tar`.'],
    ['First.\nSecond.', 'First.'],
    ['No full stop', 'No full stop'],
  ])('of %j is %j', (given, wanted) => {
    expect(firstSentence(given)).toBe(wanted)
  })
})

describe('what is filled in', () => {
  const markers = (name: string, inside: string) =>
    `<!-- ${name}: made from action.yml by \`npm run tables\` -->${inside}<!-- end of ${name} -->`
  const given = [
    'inputs:',
    '  # Common',
    '  a: {description: First. More., default: "1"}',
    '  # Other',
    '  b: {description: Second.}',
    'outputs: {c: {description: Third. More.}}',
  ].join('\n')

  test('stands between the markers, and nothing else is replaced', () => {
    const filled = fillReadme(`top ${markers('inputs', ' old ')} mid ${markers('outputs', '')} end`, given)
    expect(filled).not.toContain('old')
    expect(filled).toContain('### Common\n\n- `a`: First. Default: `1`\n\n### More\n\n- Other: `b`\n')
    expect(filled).toContain('\n- `c`: Third.\n')
    expect(filled).toMatch(/^top [^]* mid [^]* end$/)
    expect(fillReadme(filled, given)).toBe(filled)
  })

  test('is all of each description in docs/', () => {
    const rows = { a: { affects: 'run-steps' }, b: { affects: 'nothing' } }
    expect(fillInputs(markers('inputs', ''), given, rows)).toContain(
      '| `a` | First. More. | `1` | RUN steps |\n\n## Other',
    )
    expect(fillOutputs(markers('outputs', ''), given)).toContain('| `c` | Third. More. |')
  })

  test('has a marker that is missing named', () => {
    expect(() => fillReadme(markers('inputs', ''), given)).toThrow('has no line <!-- outputs: made from action.yml')
  })
})
