import { setTimeout as sleep } from 'node:timers/promises'

import { describe, expect, it } from '@jest/globals'

import { mapConcurrent } from '../../../src/lib/concurrency.js'

describe('what is done in parallel', () => {
  it('is done for each, so many at a time', async () => {
    let inside = 0
    let most = 0
    const done: number[] = []
    await mapConcurrent([3, 1, 2, 0], 2, async (turns, index) => {
      most = Math.max(most, (inside += 1))
      for (let turn = 0; turn < turns; turn += 1) await sleep(1)
      inside -= 1
      done.push(index)
    })
    expect([most, done.sort()]).toStrictEqual([2, [0, 1, 2, 3]])
  })

  it('has ended when it has failed: nothing writes behind a clean-up, and nothing more is begun', async () => {
    const begun: string[] = []
    const ended: string[] = []
    const work = async (name: string): Promise<void> => {
      begun.push(name)
      if (name === 'fails') throw new Error('as expected')
      await sleep(5)
      ended.push(name)
    }
    await expect(mapConcurrent(['slow', 'fails', 'more'], 2, work)).rejects.toThrow('as expected')
    expect({ begun, ended }).toStrictEqual({ begun: ['slow', 'fails'], ended: ['slow'] })
  })
})
