import { describe, expect, it } from '@jest/globals'
import { isBelow } from '../../../src/lib/paths.js'

describe('isBelow', () => {
  it.each([
    ['/a', '/a', true],
    ['/a/b', '/a', true],
    ['/ab', '/a', false],
    ['/a', '/', true],
  ])('%s in %s: %s', (path, folder, expected) => {
    expect(isBelow(path, folder)).toBe(expected)
  })
})
