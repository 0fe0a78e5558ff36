import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formatIgnoreFile, ignoreMatcher, isPlain, parseIgnoreFile } from '../../../src/source/dockerignore.js'
import { runs } from '../../harness/properties.js'

const parsed = (text: string) =>
  parseIgnoreFile(text).map(({ pattern, isException }) => (isException ? `!${pattern}` : pattern))

describe('the lines of an ignore file', () => {
  it.each<[text: string, patterns: string[]]>([
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['  a  \n\tb\t\n', ['a', 'b']],
    ['/a\n  /b\n!/c\n! /d\n', ['a', 'b', '!c', '!d']],
    ['a/\nb//c\n./d\ne/../f\n../g\n', ['a', 'b/c', 'd', 'f', '../g']],
    ['# a\n #b\n\n   \n', ['#b']],
    ['!\n!  \n', []],
    ['\uFEFFa\n', ['a']],
    ['!  a\n !b\n', ['!a', '!b']],
    ['/\n.\n', ['/', '.']],
    ['/!a\n!!b\n/#c\n/ d\n', ['!a', '!!b', '#c', 'd']],
    ['a b\n', ['a b']],
  ])('%j are %j', (text, patterns) => {
    expect(parsed(text)).toStrictEqual(patterns)
  })

  it('are the same when they are written and read again', () => {
    const line = fc.string({
      unit: fc.constantFrom('a', 'b', '/', '*', '.', '!', '#', ' ', '\t', '\r', '\\', '['),
      maxLength: 6,
    })
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
        const once = formatIgnoreFile(parseIgnoreFile(lines.join('\n')))
        expect(formatIgnoreFile(parseIgnoreFile(once))).toBe(once)
      }),
      runs(200),
    )
  })

  it('are never none, for which a Buildah would look elsewhere', () => {
    expect(formatIgnoreFile([])).toBe('.\n')
    expect(formatIgnoreFile(parseIgnoreFile('# nothing\n'))).toBe('.\n')
  })

  it('are no comments when they are written, which they weren’t when they were read', () => {
    expect(formatIgnoreFile(parseIgnoreFile('/#a\n #b\n!#c'))).toBe('./#a\n./#b\n!#c\n')
  })

  it('have their numbers', () => {
    expect(parseIgnoreFile('# a\n\nb\n!c').map(({ line }) => line)).toStrictEqual([3, 4])
  })

  it.each([
    ['a', true],
    ['a*/**/b?.c-d_e f', true],
    ['ä/日本', true],
    ['a$b', true],
    ['**/a', true],
    ['**a', false],
    ['a/***', false],
    ['[ab]', false],
    ['a\\b', false],
    ['a+b', false],
    ['(a)', false],
    ['{a}', false],
    ['a|b', false],
    ['a^', false],
    ['a\u00a0b', false],
    ['a\u0000', false],
    ['\ufffd', false],
  ])('%j is one that all engines read alike: %s', (text, isSo) => {
    expect(parseIgnoreFile(text).every(isPlain)).toBe(isSo)
  })
})

describe('what a pattern fits', () => {
  const path = join(import.meta.dirname, '../../ignore-files/expectations.json')
  const { paths, rows } = JSON.parse(readFileSync(path, 'utf8')) as {
    readonly paths: readonly string[]
    readonly rows: readonly { readonly pattern: string; readonly fits: readonly string[] }[]
  }

  it.each(rows)('$pattern, as Buildah and BuildKit have it', ({ pattern: text, fits }) => {
    const found = parseIgnoreFile(text).flatMap((pattern) => paths.filter(ignoreMatcher(pattern)))
    expect(found).toStrictEqual(fits)
  })

  it('is nothing where it makes no sense', () => {
    const [pattern] = parseIgnoreFile('a(')
    expect(pattern === undefined || ignoreMatcher(pattern)('a(')).toBe(false)
  })
})
