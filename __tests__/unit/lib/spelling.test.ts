import { describe, expect, it } from '@jest/globals'
import { oneTypoFrom, sameButSpelling } from '../../../src/lib/spelling.js'

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

describe('oneTypoFrom', () => {
  const names = ['images', 'password', 'build-args', 'secret-files', 'secret-envs', 'push', 'pull', 'ssh', 'USER']

  it.each([
    ['imagse', 'images'],
    ['iamges', 'images'],
    ['imagess', 'images'],
    ['imags', 'images'],
    ['amages', 'images'],
    ['Pasword', 'password'],
    ['buildargs', 'build-args'],
    ['pussh', 'push'],
    ['uesr', 'USER'],
    // Two errors.
    ['mgaes', undefined],
    ['passwrod1', undefined],
    // As near to one as to another.
    ['pulh', undefined],
    ['puh', 'push'],
    ['sh', undefined],
    ['repository', undefined],
    ['', undefined],
  ])('to %j is %j', (wanted, expected) => {
    expect(oneTypoFrom(wanted, names)).toBe(expected)
  })
})
