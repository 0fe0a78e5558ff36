import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { Entries } from '../../../src/cache/backends/entries.js'
import { type Meeting, type MeetingKey, openMeeting } from '../../../src/cache/meeting.js'
import { temporaryFolder } from '../helpers.js'
import { fakeMeeting } from './fake-cache.js'

/** A service in memory, as a step sees it: it tells entries apart by their paths, too. */
function entriesIn(folder: string, stored: Map<string, string>): Entries {
  return {
    fetch(key, path) {
      const found = [...stored].findLast(([name]) => name.startsWith(`${path} ${key}`))
      if (found === undefined) return Promise.resolve(undefined)
      writeFileSync(join(folder, path), found[1])
      return Promise.resolve(key)
    },
    has: () => Promise.resolve(false),
    store(key, path) {
      if (stored.has(`${path} ${key}`)) return Promise.resolve('taken')
      stored.set(`${path} ${key}`, readFileSync(join(folder, path), 'utf8'))
      return Promise.resolve('stored')
    },
    counts: () => ({ requests: 0, failures: 0 }),
    isStopped: () => false,
    failures: () => [],
    close: () => undefined,
  }
}

const real = (key: MeetingKey, stored: Map<string, string>): Meeting => {
  const folder = temporaryFolder()
  return openMeeting(entriesIn(folder, stored), key, folder)
}

describe.each([
  ['the real one', real],
  ['the fake', fakeMeeting],
])('a meeting, %s', (_, open) => {
  const key: MeetingKey = { run: '7', attempt: '1', join: 'abc', platforms: 2 }

  it('gives back the newest text that any step of the run has left for a platform, and no other’s', async () => {
    const stored = new Map<string, string>()
    const [first, second] = [open(key, stored), open({ ...key, attempt: '2' }, stored)]
    expect(await first.find('linux/arm')).toBeUndefined()
    expect(await first.leave('linux/arm/v7', 'v7')).toBe('stored')
    expect(await first.leave('linux/arm', 'one')).toBe('stored')
    expect(await second.leave('linux/arm', 'two')).toBe('stored')
    expect([await first.find('linux/arm'), await second.find('linux/arm/v7')]).toStrictEqual(['two', 'v7'])
    for (const other of [
      { ...key, run: '8' },
      { ...key, join: 'abd' },
    ])
      expect(await open(other, stored).find('linux/arm')).toBeUndefined()
  })

  it('gives each number once, and none when all are given away', async () => {
    const stored = new Map<string, string>()
    const legs = [open(key, stored), open(key, stored), open({ ...key, attempt: '2' }, stored)]
    const taken = []
    for (const leg of legs) taken.push(await leg.takeNumber())
    expect(taken).toStrictEqual([1, 2, undefined])
    expect(await open({ ...key, run: '8' }, stored).takeNumber()).toBe(1)
  })
})
