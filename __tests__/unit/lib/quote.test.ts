import { expect, test } from '@jest/globals'
import { quote } from '../../../src/lib/quote.js'

test.each([
  ['', '""'],
  ['a "b" c', '"a \\"b\\" c"'],
  ['naïve 日本 😀', '"naïve 日本 😀"'],
  ['a\nb\tc', '"a\\nb\\tc"'],
  ['\u001b[31m\u007f\u0085', '"\\u001b[31m\\u007f\\u0085"'],
  ['\u2028\u202e\u200b\u00a0', '"\\u2028\\u202e\\u200b\\u00a0"'],
  ['\ud800', '"\\ud800"'],
  ['\u{e0001}', '"\\udb40\\udc01"'],
  ['x'.repeat(200), `"${'x'.repeat(200)}"`],
  ['x'.repeat(201), `"${'x'.repeat(200)}…"`],
])('%j is shown as %s', (text, shown) => {
  expect(quote(text)).toBe(shown)
})
