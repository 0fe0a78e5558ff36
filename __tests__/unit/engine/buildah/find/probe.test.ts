import { describe, expect, it } from '@jest/globals'
import { reasonIn } from '../../../../../src/engine/buildah/find/probe.js'

describe('reasonIn', () => {
  it.each([
    ['a helper and its help', ['Error: pasta failed:', 'no such option', ' --help', ' --more', ' --version'], [0, 2]],
    ['a runtime that has said why', ['one', 'two', 'unknown version', ': exit status 1', 'Error: building'], [2, 5]],
    ['no such line', ['one', 'two', 'three', 'four', 'five'], [1, 5]],
  ])('%s', (_, lines, [from, to]) => {
    expect(reasonIn(`${lines.join('\n')}\n`)).toBe(lines.slice(from, to).join('\n'))
  })
})
