import { describe, expect, it } from '@jest/globals'
import { describe as describeError, describeInLine, UserError } from '../../src/errors.js'
import { CommandError } from '../../src/exec.js'

describe('describe', () => {
  const inner = new Error('inner')
  const middle = new UserError('middle', 'cure of the middle', { cause: inner })

  it.each([
    ['an error', new Error('broken'), 'broken'],
    ['a mistake without a cure', new UserError('wrong'), 'wrong'],
    ['a mistake with its cure', new UserError('wrong', 'do this'), 'wrong\ndo this'],
    ['causes in their order', new Error('outer', { cause: middle }), 'outer\nCaused by: middle\nCaused by: inner'],
    [
      'causes before the cure',
      new UserError('outer', 'do this', { cause: middle }),
      'outer\nCaused by: middle\nCaused by: inner\ndo this',
    ],
    ['a cause that is no error', new Error('outer', { cause: 'text' }), 'outer'],
    [
      'a program that failed',
      new UserError('The build failed.', 'hint', { cause: new CommandError(['/bin/buildah', 'build'], 125, 'a\nb\n') }),
      'The build failed.\nCaused by: buildah build ended with exit code 125:\n  a\n  b\nhint',
    ],
    ['a text', 'thrown', 'thrown'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number', 5, '5'],
  ])('%s', (_, error, expected) => {
    expect(describeError(error)).toBe(expected)
  })
})

describe('UserError', () => {
  it('is an error with a name, a cure and a cause', () => {
    const cause = new Error('x')
    const error = new UserError('wrong', 'do this', { cause })
    expect(error).toBeInstanceOf(Error)
    expect([error.name, error.message, error.hint, error.cause]).toStrictEqual(['UserError', 'wrong', 'do this', cause])
  })
})

describe('describeInLine', () => {
  it('has all of it in one line', () => {
    const cause = new Error('broken\n  in two')
    expect(describeInLine(new UserError('wrong', 'do this', { cause }))).toBe('wrong Caused by: broken in two do this')
  })
})
