import { beforeAll, describe, expect, it } from '@jest/globals'
import { attempt, execute } from '../../../src/exec.js'
import { startInBackground } from '../../../src/lib/background-program.js'
import { endForGood } from '../../../src/lib/cancellation.js'
import { hold } from '../../../src/lib/held-program.js'
import { gatherWarnings, warn } from '../../../src/log.js'
import { logOf } from '../helpers.js'

const options = { env: { PATH: process.env['PATH'] ?? '' }, cwd: '/' }

describe('a job that is cancelled', () => {
  beforeAll(() => endForGood(0))

  it.each([
    ['is waited for', () => execute(['true'], options)],
    ['may fail', () => attempt(['true'], options)],
    ['goes on beside the step', () => startInBackground(['true'], options)],
    ['is held', () => hold(['echo', 'ready'], options)],
  ])('starts no program that %s', async (_, start: () => Promise<unknown>) => {
    await expect(start()).rejects.toThrow('the job was cancelled')
  })

  it('warns of nothing', async () => {
    const warnings = new Set<string>()
    const log = await logOf(() =>
      gatherWarnings(warnings, () => {
        warn('There is no sandbox.')
        return Promise.resolve()
      }),
    )
    expect(log).toContain('There is no sandbox.')
    expect(log).not.toContain('::warning')
    expect([...warnings]).toStrictEqual([])
  })
})
