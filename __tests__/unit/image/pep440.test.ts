import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { comparePep440, isFinal, normalForm, parsePep440, type Pep440 } from '../../../src/image/pep440.js'
import { runs } from '../../harness/properties.js'

// The examples are those of packaging.python.org/en/latest/specifications/version-specifiers/.

function parsed(text: string): Pep440 {
  const version = parsePep440(text)
  if (version === undefined) throw new Error(`${text} was not read`)
  return version
}

test.each([
  // case
  ['1.1RC1', '1.1rc1'],
  // numbers
  ['00', '0'],
  ['09000', '9000'],
  ['1.0+0100foo', '1.0+0100foo'],
  ['1.0+00100', '1.0+100'],
  // separators and numbers of a pre-release
  ['1.1.a1', '1.1a1'],
  ['1.1-a1', '1.1a1'],
  ['1.1_a1', '1.1a1'],
  ['1.1a.1', '1.1a1'],
  ['1.1alpha1', '1.1a1'],
  ['1.1beta2', '1.1b2'],
  ['1.1c3', '1.1rc3'],
  ['1.1pre4', '1.1rc4'],
  ['1.1preview5', '1.1rc5'],
  ['1.2a', '1.2a0'],
  // post-releases
  ['1.2-post2', '1.2.post2'],
  ['1.2post2', '1.2.post2'],
  ['1.2.post-2', '1.2.post2'],
  ['1.2-r4', '1.2.post4'],
  ['1.2.rev4', '1.2.post4'],
  ['1.2.post', '1.2.post0'],
  ['1.0-1', '1.0.post1'],
  // development releases
  ['1.2-dev2', '1.2.dev2'],
  ['1.2dev2', '1.2.dev2'],
  ['1.2.dev-2', '1.2.dev2'],
  ['1.2.dev', '1.2.dev0'],
  // local versions
  ['1.0+ubuntu-1', '1.0+ubuntu.1'],
  ['1.0+Ubuntu_1', '1.0+ubuntu.1'],
  // a leading v and white space
  ['v1.0', '1.0'],
  ['V1.0', '1.0'],
  [' 1.0\n', '1.0'],
  // epochs
  ['0!1.0', '1.0'],
  ['01!1.0', '1!1.0'],
  // all of it
  ['v1!02.3-ALPHA_4-5_dev.6+A-b.07', '1!2.3a4.post5.dev6+a.b.7'],
  ['20260307210509123456.1', '20260307210509123456.1'],
])('%j is %s', (text, normal) => {
  expect(normalForm(parsed(text))).toBe(normal)
})

test.each([
  '',
  'v',
  'a',
  '1.',
  '.1',
  '1..2',
  '1.0-',
  '1.0+',
  '1.0+a+b',
  '1.0+é',
  '1.0.x',
  '1!',
  '!1',
  '1.0 a1',
  '1.0a1b1',
])('%j is no version', (text) => {
  expect(parsePep440(text)).toBeUndefined()
})

test.each([
  ['1.0', true],
  ['1!2026.3+local.1', true],
  ['1.0a1', false],
  ['1.0rc1', false],
  ['1.0.post1', false],
  ['1.0.dev1', false],
])('%s is final: %s', (text, final) => {
  expect(isFinal(parsed(text))).toBe(final)
})

describe('the order', () => {
  test.each([
    ['final releases', ['0.9', '0.9.1', '0.9.2', '0.9.10', '0.9.11', '1.0', '1.0.1', '1.1', '2.0', '2.0.1']],
    ['dates', ['2012.4', '2012.7', '2012.10', '2013.1', '2013.6']],
    ['epochs', ['2013.10', '2014.04', '1!1.0', '1!1.1', '1!2.0']],
    [
      'every suffix',
      [
        '1.dev0',
        '1.0.dev456',
        '1.0a1',
        '1.0a2.dev456',
        '1.0a12.dev456',
        '1.0a12',
        '1.0b1.dev456',
        '1.0b2',
        '1.0b2.post345.dev456',
        '1.0b2.post345',
        '1.0rc1.dev456',
        '1.0rc1',
        '1.0',
        '1.0+abc.5',
        '1.0+abc.7',
        '1.0+5',
        '1.0.post456.dev34',
        '1.0.post456',
        '1.0.15',
        '1.1.dev1',
      ],
    ],
    ['local parts', ['1.0', '1.0+a', '1.0+a.b', '1.0+a.1', '1.0+1', '1.0+1.a', '1.0+2']],
  ])('%s', (_case, versions) => {
    for (const [index, a] of versions.entries()) {
      for (const [other, b] of versions.entries()) {
        expect([a, b, Math.sign(comparePep440(parsed(a), parsed(b)))]).toEqual([a, b, Math.sign(index - other)])
      }
    }
  })

  test.each([
    ['1', '1.0.0'],
    ['1.0a1', '1.0alpha1'],
    ['1.0+a-1', '1.0+A.1'],
  ])('%s and %s are equal', (a, b) => {
    expect(comparePep440(parsed(a), parsed(b))).toBe(0)
  })
})

test('a normal form is read as the version that it is of', () => {
  const number = fc.bigInt({ min: 0n, max: 10n ** 20n })
  const version = fc.record(
    {
      epoch: number,
      release: fc.array(number, { minLength: 1, maxLength: 5 }),
      pre: fc.record({ phase: fc.constantFrom('a' as const, 'b' as const, 'rc' as const), number }),
      post: number,
      dev: number,
      local: fc.array(fc.oneof(number, fc.constantFrom('ubuntu', 'x1')), { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ['epoch', 'release'] },
  )
  fc.assert(
    fc.property(version, (value) => {
      expect(parsePep440(normalForm(value))).toEqual(value)
    }),
    runs(),
  )
})
