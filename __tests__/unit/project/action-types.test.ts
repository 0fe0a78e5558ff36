import { describe, expect, test } from '@jest/globals'
import { parse } from 'yaml'

import { parseInputs } from '../../../src/runner/inputs.js'
import { text } from './project-files.js'

type Type =
  | { readonly type: 'string' | 'integer' | 'boolean' }
  | { readonly type: 'enum'; readonly 'allowed-values': readonly string[] }
  | { readonly type: 'list'; readonly separator: string; readonly 'list-item': { readonly type: 'string' } }

interface Described {
  readonly description: string
}

type Named<T> = Readonly<Record<string, T>>

const types = parse(text('action-types.yml')) as { readonly inputs: Named<Type>; readonly outputs: Named<Type> }
const action = parse(text('action.yml')) as { readonly inputs: Named<Described>; readonly outputs: Named<Described> }

const read = (name: string, value: string) => parseInputs((asked) => (asked === name ? value : ''), {})

/** What the reader says that an input takes, when it is given something else; undefined where it takes more than words. */
function wordsOf(name: string): string[] | undefined {
  try {
    read(name, 'neither-of-them')
  } catch (error) {
    const [, words] = / Allowed: ([\w:-]+(?:, [\w:-]+)*)\.$/.exec(error instanceof Error ? error.message : '') ?? []
    return words?.split(', ')
  }
  return undefined
}

const isOnePerLine = ({ description }: Described) => /\bone\b[^.]*\bper line\b/i.test(description)

describe('action-types.yml', () => {
  test('has every input and every output of action.yml, in its order', () => {
    expect(Object.keys(types.inputs)).toStrictEqual(Object.keys(action.inputs))
    expect(Object.keys(types.outputs)).toStrictEqual(Object.keys(action.outputs))
  })

  test.each(Object.entries(types.inputs))('input %s has the type that the code reads', (name, type) => {
    const words = wordsOf(name)
    if (type.type === 'enum') {
      expect(type['allowed-values']).toStrictEqual(words)
      const values = type['allowed-values'].map((value) => JSON.stringify(read(name, value)))
      expect(new Set(values).size).toBe(values.length)
      expect(read(name, type['allowed-values'][0] ?? '')).toStrictEqual(read(name, ''))
    } else if (type.type === 'boolean') {
      expect(words).toStrictEqual(['true', 'false'])
      expect(read(name, 'true')).not.toStrictEqual(read(name, 'false'))
    } else {
      expect(words).toBeUndefined()
    }
  })

  test.each(['inputs', 'outputs'] as const)('%s are lists where they are one per line', (kind) => {
    const lists = Object.entries(types[kind]).filter(([, { type }]) => type === 'list')
    const described = Object.entries(action[kind]).filter(([, one]) => isOnePerLine(one))
    expect(lists.map(([name]) => name)).toStrictEqual(described.map(([name]) => name))
    for (const [, type] of lists) {
      expect(type).toStrictEqual({ type: 'list', separator: '\n', 'list-item': { type: 'string' } })
    }
  })

  test.each(Object.entries(types.outputs))('output %s has the words that its description has', (name, type) => {
    if (type.type !== 'enum') return
    const { description = '' } = action.outputs[name] ?? {}
    const words = [...description.matchAll(/`([\w-]+)`/g)].map(([, word]) => word)
    expect(type['allowed-values']).toStrictEqual(words)
  })
})
