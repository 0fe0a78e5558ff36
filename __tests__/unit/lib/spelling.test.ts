import { describe, expect, it } from '@jest/globals'
import { sameButSpelling } from '../../../src/lib/spelling.js'

describe('sameButSpelling', () => {
  const names = ['build-args', 'src/Main.ts', 'secret-files', 'docs']

  it.each([
    ['build_args', 'build-args'],
    ['Build-Arg', 'build-args'],
    ['secrets-file', 'secret-files'],
    ['src/main.ts', 'src/Main.ts'],
    ['src/main.t', undefined],
    ['DOC', 'docs'],
    ['main.ts', undefined],
    ['build-agrs', undefined],
    ['buildargs', undefined],
    ['', undefined],
  ])('to %j is %j', (wanted, expected) => {
    expect(sameButSpelling(wanted, names)).toBe(expected)
  })
})
