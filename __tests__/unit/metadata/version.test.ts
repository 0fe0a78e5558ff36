import { describe, expect, test } from '@jest/globals'
import { higherThan, readVersion, type Version } from '../../../src/metadata/version.js'

// The examples are those of packaging.python.org/en/latest/specifications/version-specifiers/.

function read(text: string): Version {
  const version = readVersion('pep440', text)
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
  ['20260307210509.1', '20260307210509.1'],
])('%j is %s', (text, normal) => {
  expect(read(text).version).toBe(normal)
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
  // A number that a double would change.
  '20260307210509123456.1',
])('%j is no version', (text) => {
  expect(readVersion('pep440', text)).toBeUndefined()
})

test.each([
  ['1.0', true],
  ['1!2026.3+local.1', true],
  ['1.0a1', false],
  ['1.0rc1', false],
  ['1.0.post1', false],
  ['1.0.dev1', false],
])('%s is final: %s', (text, final) => {
  expect(read(text).stable).toBe(final)
})

describe('the highest version', () => {
  test.each([
    ['1.0', ['0.9', '0.9.10', '1.0.0', '1.0a1', '1.1rc1', '1.1.dev1', '1.0.post1'], undefined],
    ['1.0', ['1.0.9', '1.0.15'], '1.0.15'],
    ['2013.10', ['2014.04', '1!1.0'], '1!1.0'],
    ['1.0', ['1.0+abc.7', '1.0+5'], '1.0+5'],
    ['1.0', ['20260307'], undefined],
  ])('beside %s, of %j', (version, others, highest) => {
    expect(higherThan(read(version), others)).toBe(highest)
  })
})
