import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { Entries } from '../../../src/cache/backends/entries.js'
import { type Meeting, type MeetingKey, openMeeting } from '../../../src/cache/meeting.js'
import { temporaryFolder } from '../helpers.js'
import { fakeMeeting } from './fake-cache.js'

/** A service in memory, as a step sees it: it tells entries apart by their paths, too. */
function entriesIn(folder: string, stored: Map<string, string>, further: Partial<Entries> = {}): Entries {
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
    ...further,
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
    for (const leg of legs) taken.push(await leg.takeNumber('linux/arm'))
    expect(taken).toStrictEqual([1, 2, 'none'])
    expect(await open({ ...key, run: '8' }, stored).takeNumber('linux/arm')).toBe(1)
  })

  it('knows of no number that was lost where each was given to somebody, or none is seen', async () => {
    const stored = new Map<string, string>()
    const legs = [open(key, stored), open(key, stored), open(key, stored)] as const
    expect(await legs[0].hasLostNumber()).toBe(false)
    for (const leg of legs) await leg.takeNumber('linux/arm')
    for (const leg of legs) expect(await leg.hasLostNumber()).toBe(false)
    stored.clear()
    expect(await legs[0].hasLostNumber()).toBe(false)
  })

  it('counts a step for each of its platforms', async () => {
    const stored = new Map<string, string>()
    const leg = open(key, stored)
    expect([await leg.takeNumber('linux/arm'), await leg.takeNumber('linux/arm64')]).toStrictEqual([1, 2])
    expect(await leg.hasLostNumber()).toBe(false)
  })
})

describe('a service that loses answers', () => {
  const key: MeetingKey = { run: '7', attempt: '1', join: 'abc', platforms: 2 }
  /** Each key that fits is reserved by the first who asks, without an answer, and never becomes an entry. */
  function losing(stored: Map<string, string>, lost: RegExp, answer: 'failed' | 'taken' = 'failed'): Meeting {
    const folder = temporaryFolder()
    const reserved = new Set<string>()
    const service = entriesIn(folder, stored)
    const losingStore: Entries['store'] = (name, path) => {
      if (!lost.test(name)) return service.store(name, path)
      const first = !reserved.has(name)
      reserved.add(name)
      return Promise.resolve(first ? answer : 'taken')
    }
    return openMeeting(entriesIn(folder, stored, { store: losingStore }), key, folder)
  }

  // What the library tries again by itself ends with "taken".
  it.each(['failed', 'taken'] as const)('gives the next number, and shows that one is lost: %s', async (answer) => {
    const stored = new Map<string, string>()
    const leg = losing(stored, /number-.*-1$/, answer)
    expect(await leg.takeNumber('linux/arm')).toBe(2)
    expect(await leg.hasLostNumber()).toBe(true)
    // The one that comes later is one more than there are numbers; after that, none is to come.
    const later = losing(stored, /number-.*-1$/, 'taken')
    expect(await later.takeNumber('linux/arm64')).toBe('none')
    expect(await later.hasLostNumber()).toBe(false)
  })

  it('gives no number for long, and the step doesn’t ask for ever', async () => {
    const folder = temporaryFolder()
    let asked = 0
    const store = () => {
      asked += 1
      return Promise.resolve('failed' as const)
    }
    const leg = openMeeting(entriesIn(folder, new Map(), { store }), key, folder)
    expect(await leg.takeNumber('linux/arm')).toBe('unknown')
    expect(asked).toBe(3)
    expect(await leg.leave('linux/arm', 'text')).toBe('failed')
    expect(asked).toBe(6)
  })

  it('gets a text under another name, where the newest is found', async () => {
    const stored = new Map<string, string>()
    const leg = losing(stored, /leg-.*-linux_arm-1$/)
    expect(await leg.leave('linux/arm', 'text')).toBe('stored')
    expect(await leg.find('linux/arm')).toBe('text')
  })
})
