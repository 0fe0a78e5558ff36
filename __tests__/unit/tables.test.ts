import { readFileSync } from 'node:fs'

import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'

import { parseInputs } from '../../src/inputs.js'

interface Tables {
  readonly fillTables: (readme: string, action: string) => string
  readonly fillWorkflowTables: (document: string, workflow: string) => string
  readonly renderTable: (header: readonly string[], rows: readonly (readonly string[])[]) => string
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default?: string }>>
  readonly outputs: Readonly<Record<string, { readonly description: string }>>
}

// A script has no types; in a variable, its path is not one that TypeScript looks up.
const script = '../../scripts/tables.mjs'
const { fillTables, fillWorkflowTables, renderTable } = (await import(script)) as Tables

const text = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')
const action = parse(text('action.yml')) as Action

describe('README.md', () => {
  test('has the tables that action.yml gives (npm run tables)', () => {
    expect(text('README.md')).toBe(fillTables(text('README.md'), text('action.yml')))
  })
})

describe('docs/workflows.md', () => {
  test('has the tables that the reusable workflow gives (npm run tables)', () => {
    const [document, workflow] = [text('docs/workflows.md'), text('.github/workflows/build-image.yml')]
    expect(document).toBe(fillWorkflowTables(document, workflow))
  })
})

describe('action.yml', () => {
  test('has the inputs that the code reads', () => {
    const read = new Set<string>()
    parseInputs((name) => {
      read.add(name)
      return ''
    }, {})
    expect(Object.keys(action.inputs).sort()).toStrictEqual([...read].sort())
  })

  test('has the defaults that the code takes for an input that is empty', () => {
    const byDefault = parseInputs((name) => action.inputs[name]?.default ?? '', {})
    expect(byDefault).toStrictEqual(parseInputs(() => '', {}))
  })

  test('has the outputs that the code writes', () => {
    const written = [...text('src/main.ts').matchAll(/\bsetOutput\(\s*'([^']+)'/g)].map(([, name]) => name)
    expect(Object.keys(action.outputs).sort()).toStrictEqual([...new Set(written)].sort())
  })
})

describe('renderTable', () => {
  test('folds lines and keeps bars within their cell', () => {
    expect(renderTable(['Name', 'Says'], [['`a`', ' `x|y`\nor\n  more ']])).toBe(
      ['| Name | Says |', '| --- | --- |', '| `a` | `x\\|y` or more |'].join('\n'),
    )
  })
})

describe('fillTables', () => {
  const markers = (name: string, inside: string) =>
    `<!-- ${name}: made from action.yml by \`npm run tables\` -->${inside}<!-- end of ${name} -->`
  const given = 'inputs: {a: {description: First., default: "1"}, b: {description: Second.}}\noutputs: {}'

  test('replaces what stands between the markers and nothing else', () => {
    const filled = fillTables(`top ${markers('inputs', ' old ')} mid ${markers('outputs', '')} end`, given)
    expect(filled).not.toContain('old')
    expect(filled).toContain('| `a` | First. | `1` |\n| `b` | Second. |  |')
    expect(filled).toMatch(/^top [^]* mid [^]* end$/)
    expect(fillTables(filled, given)).toBe(filled)
  })

  test('says which marker is missing', () => {
    expect(() => fillTables(markers('inputs', ''), given)).toThrow('has no line <!-- outputs: made from action.yml')
  })
})
