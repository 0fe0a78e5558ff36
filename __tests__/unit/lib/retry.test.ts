import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { RegistryError, UserError } from '../../../src/errors.js'
import { CommandError } from '../../../src/exec.js'
import { withRetries } from '../../../src/lib/retry.js'
import { busy, refused, settled } from '../helpers.js'

// Between tries are seconds; the clock of the tests doesn't wait for them.
beforeEach(() => {
  jest.useFakeTimers()
})
afterEach(() => {
  jest.useRealTimers()
})

describe('persist', () => {
  /** Fails with each of these in turn, then works. */
  const failing = (...errors: Error[]) => {
    const times: number[] = []
    const action = () => {
      times.push(Date.now())
      const error = errors[times.length - 1]
      return error === undefined ? Promise.resolve('done') : Promise.reject(error)
    }
    return { times, action }
  }

  it('tries once where that works, and says nothing', async () => {
    const { times, action } = failing()
    expect(await settled(() => withRetries('Push', action))).toStrictEqual({ value: 'done', log: '' })
    expect(times).toHaveLength(1)
  })

  it('tries again while the registry is busy, and says so', async () => {
    const { times, action } = failing(busy(), busy())
    const { value, log } = await settled(() => withRetries('Push of x', action))
    expect(value).toBe('done')
    expect(times).toHaveLength(3)
    expect(log).toBe(
      'Push of x: attempt 1 failed, 3 left. The registry is busy.\n' +
        'Push of x: attempt 2 failed, 2 left. The registry is busy.\n',
    )
  })

  it('says in one line what a program has said last', async () => {
    const output =
      'Copying blob sha256:7244\nError: pushing image: errors:\ndigest invalid\nblob unknown to registry\n...\n'
    const cause = new CommandError(['buildah', 'push'], 125, output)
    const { action } = failing(new RegistryError('Push of x failed.', 'Wait.', true, { cause }))
    const { log } = await settled(() => withRetries('Push of x', action))
    expect(log).toBe('Push of x: attempt 1 failed, 3 left. blob unknown to registry\n')
  })

  it.each([0, 1, 2])('tries again no more often than the error allows: %i', async (retries) => {
    const error = new RegistryError('It lacks a blob.', 'Wait.', true, { retries })
    const { times, action } = failing(error, error, error, error)
    const outcome = await settled(() => withRetries('Push of x', action))
    expect(outcome.error).toBe(error)
    expect(times).toHaveLength(retries + 1)
    expect(outcome.log.match(/attempt \d failed, \d left/g) ?? []).toStrictEqual(
      Array.from({ length: retries }, (_, index) => `attempt ${index + 1} failed, ${retries - index} left`),
    )
  })

  it('gives up after the fourth try, with the last error', async () => {
    const last = busy()
    const { times, action } = failing(busy(), busy(), busy(), last, busy())
    const { error } = await settled(() => withRetries('Push', action))
    expect(error).toBe(last)
    expect(times).toHaveLength(4)
  })

  it('waits longer each time, and never as long as others do', async () => {
    const pauses = async () => {
      const { times, action } = failing(busy(), busy(), busy())
      await settled(() => withRetries('Push', action))
      return times.slice(1).map((time, index) => time - (times[index] ?? 0))
    }
    const all = [await pauses(), await pauses(), await pauses(), await pauses()]
    for (const [first = 0, second = 0, third = 0] of all) {
      expect(first).toBeGreaterThanOrEqual(1000)
      expect(first).toBeLessThanOrEqual(2000)
      expect(second).toBeGreaterThanOrEqual(2000)
      expect(second).toBeLessThanOrEqual(4000)
      expect(third).toBeGreaterThanOrEqual(4000)
      expect(third).toBeLessThanOrEqual(8000)
    }
    expect(new Set(all.map(([first]) => first)).size).toBeGreaterThan(1)
  })

  it.each([
    ['the registry refuses', refused()],
    ['it is another mistake', new UserError('wrong')],
    ['it is no mistake of the user', new Error('broken')],
    ['it is a bug', new TypeError('x is not a function')],
  ])('does not try again where %s', async (_, error) => {
    const { times, action } = failing(error)
    const outcome = await settled(() => withRetries('Push', action))
    expect(outcome).toStrictEqual({ error, log: '' })
    expect(times).toHaveLength(1)
  })

  it('stops at the first refusal behind a busy registry', async () => {
    const error = refused()
    const { times, action } = failing(busy(), error)
    expect((await settled(() => withRetries('Push', action))).error).toBe(error)
    expect(times).toHaveLength(2)
  })

  it.each([
    ['a pause that the registry asks for', 3000, 3000],
    ['the longest pause for one that asks for more', 3_600_000, 10_000],
  ])('waits %s', async (_, retryAfterMs, atLeast) => {
    const { times, action } = failing(new RegistryError('The registry is busy.', undefined, true, { retryAfterMs }))
    expect((await settled(() => withRetries('Push', action))).value).toBe('done')
    const [first = 0, second = 0] = times
    expect(second - first).toBeGreaterThanOrEqual(atLeast + 1000)
    expect(second - first).toBeLessThanOrEqual(atLeast + 2000)
  })
})
