import { describe, expect, test } from '@jest/globals'

interface Results {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly numRuntimeErrorTestSuites: number
  readonly numTotalTestSuites: number
  readonly testResults: readonly File[]
}

interface File {
  readonly testFilePath: string
  readonly perfStats: { readonly start: number; readonly end: number }
  readonly testResults: readonly { readonly status: string; readonly title: string }[]
}

interface Reporter {
  readonly counts: (results: Results) => string
  readonly leftOut: (files: readonly File[]) => string[]
  readonly slowest: (files: readonly File[], root: string) => string[]
}

// A script has no types; in a variable, its path is not one that TypeScript looks up.
const script = '../../../scripts/test-reporter.mjs'
const { counts, leftOut, slowest } = (await import(script)) as Reporter

const file = (name: string, ms = 1000, testResults: File['testResults'] = []): File => ({
  testFilePath: `/checkout/__tests__/${name}.test.ts`,
  perfStats: { start: 5000, end: 5000 + ms },
  testResults,
})

const none: Results = {
  numPassedTests: 0,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  numRuntimeErrorTestSuites: 0,
  numTotalTestSuites: 2,
  testResults: [file('a'), file('b')],
}

describe('the counts of a test run', () => {
  test.each<[string, Partial<Results>, string]>([
    ['all passed', { numPassedTests: 7 }, '7 passed, 0 failed, 0 skipped'],
    ['some failed', { numPassedTests: 5, numFailedTests: 2 }, '5 passed, 2 failed, 0 skipped'],
    ['some are skipped or to be written', { numPendingTests: 3, numTodoTests: 1 }, '0 passed, 0 failed, 4 skipped'],
    ['a file could not be loaded', { numRuntimeErrorTestSuites: 1 }, '0 passed, 1 failed, 0 skipped'],
    ['files were not come to', { numPassedTests: 4, testResults: [] }, '4 passed, 2 failed, 0 skipped'],
  ])('%s', (_, results, line) => {
    expect(counts({ ...none, ...results })).toBe(line)
  })
})

test('what was left out, each reason once', () => {
  const skipped = (reason: string) => ({ status: 'pending', title: `it builds (skipped: ${reason})` })
  const files = [
    file('a', 1, [skipped('Go 1.24.2 or later is not here'), skipped('no root')]),
    file('b', 1, [skipped('Go 1.24.2 or later is not here'), { status: 'passed', title: 'it (skipped: no)' }]),
    file('c', 1, [{ status: 'pending', title: 'not chosen by its name' }]),
  ]
  expect(leftOut(files)).toStrictEqual(['Skipped, 2: Go 1.24.2 or later is not here', 'Skipped, 1: no root'])
})

test('the ten slowest files, the slowest first', () => {
  const files = Array.from({ length: 12 }, (_, index) => file(`unit/${index}`, 1000 + index * 100))
  const lines = slowest(files, '/checkout')
  expect(lines).toHaveLength(11)
  expect(lines.slice(0, 2)).toStrictEqual(['The slowest files:', '    2.1 s  __tests__/unit/11.test.ts'])
  expect(lines.at(-1)).toBe('    1.2 s  __tests__/unit/2.test.ts')
})
