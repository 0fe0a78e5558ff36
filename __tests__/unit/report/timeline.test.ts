import { describe, expect, it } from '@jest/globals'
import { startTimeline } from '../../../src/report/timeline.js'

describe('startTimeline', () => {
  it('remembers phases in the order in which they end, also those that fail', async () => {
    let now = 1000
    const timeline = startTimeline(() => now)
    const after = (milliseconds: number) => {
      now += milliseconds
      return Promise.resolve('done')
    }
    now += 500
    expect(await timeline.during('one', () => after(1500))).toBe('done')
    const failing = timeline.during('two', async () => {
      await after(250)
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(timeline.phases()).toStrictEqual([
      { name: 'one', started: 0.5, seconds: 1.5 },
      { name: 'two', started: 2, seconds: 0.25, failed: true },
    ])
  })
})
