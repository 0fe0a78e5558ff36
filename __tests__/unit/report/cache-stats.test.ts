import { describe, expect, it } from '@jest/globals'
import {
  type CacheFacts,
  joinReports,
  renderCache,
  reportCache,
  withRequests,
} from '../../../src/report/cache-stats.js'

const facts: CacheFacts = {
  steps: [
    { hit: true, savedSeconds: 10.004 },
    { hit: true, savedSeconds: 2.5 },
    { hit: false, savedSeconds: 0 },
  ],
  restored: { parts: 3, bytes: 1000, seconds: 1.2345 },
  saved: { parts: 1, bytes: 50, seconds: 0.005 },
  requests: 7,
}
const hit = { hit: true, savedSeconds: 1 }
const miss = { hit: false, savedSeconds: 0 }

describe('reportCache', () => {
  it('counts steps, parts, bytes, seconds and requests', () => {
    expect(reportCache(facts)).toStrictEqual({
      hit: 'partial',
      stats: {
        'steps-hit': 2,
        'steps-missed': 1,
        'parts-restored': 3,
        'bytes-restored': 1000,
        'seconds-restoring': 1.23,
        'parts-saved': 1,
        'bytes-saved': 50,
        'seconds-saving': 0.01,
        'seconds-saved': 12.5,
        requests: 7,
      },
    })
  })

  it.each([
    ['none', []],
    ['none', [miss]],
    ['partial', [hit, miss]],
    ['partial', [miss, hit]],
    ['full', [hit]],
    ['full', [hit, hit]],
  ])('says %s for %j', (expected, steps) => {
    expect(reportCache({ ...facts, steps }).hit).toBe(expected)
  })
})

describe('renderCache', () => {
  const line = (changes: Partial<CacheFacts>) => renderCache(reportCache({ ...facts, ...changes }))

  it('says what the cache was good for', () => {
    expect(line({})).toBe('2/3 steps hit, about 12.5 s saved; restore and save took 1.2 s')
  })

  it('says so when it cost more than it saved', () => {
    const restored = { ...facts.restored, seconds: 20 }
    expect(line({ restored })).toMatch(/; restore and save took 20\.0 s, more than it saved$/)
  })

  it('counts saving, too, in what it cost', () => {
    expect(line({ saved: { ...facts.saved, seconds: 11 } })).not.toContain('more than')
    expect(line({ saved: { ...facts.saved, seconds: 11.5 } })).toContain('more than it saved')
  })

  it('doesn’t blame a first run, which has nothing to save yet', () => {
    expect(line({ steps: [miss], restored: { parts: 0, bytes: 0, seconds: 0.1 } })).not.toContain('more than')
  })

  it('leaves out what a first run has saved, which is nothing', () => {
    expect(line({ steps: [miss, miss] })).toBe('0/2 steps hit; restore and save took 1.2 s')
  })

  it('is silent where there is no cache, also for several builds', () => {
    const off = withRequests(reportCache({ ...facts, steps: [miss], isOff: true }), 0)
    expect(renderCache(off)).toBeUndefined()
    expect(renderCache(joinReports([off, off]))).toBeUndefined()
    expect(renderCache(joinReports([off, reportCache(facts)]))).toContain('2/4 steps hit')
  })

  it('is silent where nothing was built', () => {
    expect(line({ steps: [] })).toBeUndefined()
  })
})
