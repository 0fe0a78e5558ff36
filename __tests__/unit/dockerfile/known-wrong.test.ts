import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from '@jest/globals'

import { type FaultName, getsWrong, KNOWN_WRONG } from '../../../src/dockerfile/known-wrong.js'
import { wrongCases } from '../../harness/known-wrong-cases.js'

describe('getsWrong', () => {
  it.each<[name: FaultName, version: string, isWrong: boolean]>([
    ['volume', '1.23.0', true],
    ['volume', '1.36.9', true],
    ['volume', '1.37.0', false],
    ['heredoc', '1.32.9', false],
    ['heredoc', '1.33.0', true],
    ['heredoc', '1.35.0', false],
    ['labelWithDollar', '1.29.9', false],
    ['labelWithDollar', '1.45.0', true],
    ['stageSpelling', '1.23.0', true],
    ['stageSpelling', '1.45.0', true],
  ])('%s by Buildah %s: %j', (name, version, isWrong) => {
    expect(getsWrong(name, version)).toBe(isWrong)
  })
})

describe('the table', () => {
  const source = join(import.meta.dirname, '../../../src')
  const code = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'dockerfile/known-wrong.ts')
    .map((name) => readFileSync(join(source, name), 'utf8'))
    .join('')

  it('has rows that the end-to-end test known-wrong builds, each of them', () => {
    expect([...new Set(wrongCases.map(({ row }) => row))].sort()).toStrictEqual(Object.keys(KNOWN_WRONG).sort())
  })

  it.each(Object.keys(KNOWN_WRONG))('has %s, and what acts on it names it', (name) => {
    expect(code).toMatch(new RegExp(`['\`]${name}['\`]|KNOWN_WRONG\\.${name}\\b|^ {2}${name}: \\(`, 'm'))
  })
})
