import { expect, it } from '@jest/globals'
import { listOf, objectOf, parseObject, textsOf } from '../../../src/lib/json.js'

it.each<[value: unknown, object: object, list: readonly unknown[], texts: readonly string[]]>([
  [{ a: 1 }, { a: 1 }, [], []],
  [['a', 1, null], {}, ['a', 1, null], ['a']],
  [null, {}, [], []],
  [undefined, {}, [], []],
  ['a', {}, [], []],
])('%j is %j as an object, %j as a list, %j as texts', (value, object, list, texts) => {
  expect([objectOf(value), listOf(value), textsOf(value)]).toStrictEqual([object, list, texts])
})

it.each([
  ['{"a":1}', { a: 1 }],
  ['[1]', {}],
  ['{', {}],
  ['', {}],
])('the text %j is the object %j', (text, object) => {
  expect(parseObject(text)).toStrictEqual(object)
})
