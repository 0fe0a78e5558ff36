import { beforeAll, describe, expect, jest, test } from '@jest/globals'

import { jobStep, recover, useStand, warningsOf, withstand } from '../harness/cache-fault-steps.js'
import type { Fault, Job } from '../harness/cache-service.js'
import { casesOfSet } from '../harness/test-set.js'

jest.setTimeout(300_000)

const { stand, service } = await useStand()

interface Row extends Fault {
  /** In the ordinary set as well: the one that stands for its class. */
  readonly isOrdinary?: boolean
  /** The one warning; undefined where the client helps itself. */
  readonly warning: RegExp | undefined
  /** `cache-hit` of the run. */
  readonly hit: 'full' | 'partial' | 'none'
}

const INDEX = /^rib1-i-/
const PARTS = /^rib1-p-/
const limited = { status: 429, headers: { 'retry-after': '18' } }
const refused = /The cache service is rate-limiting this repository: .*The rest of this run doesn't use it\.$/
const error = /The cache service returned an error: /
const broken = /The connection to the cache service failed: /
const slow = /The cache service was too slow: /
const unread = /Could not read from the cache service: /

const rows: Readonly<Record<'v2' | 'v1', readonly Row[]>> = {
  v2: [
    { answer: limited, warning: refused, hit: 'none' },
    { call: 'GetCacheEntryDownloadURL', key: PARTS, answer: limited, warning: refused, hit: 'none' },
    { call: 'GetCacheEntryDownloadURL', times: 1, answer: { status: 500 }, warning: undefined, hit: 'full' },
    { answer: { status: 503 }, warning: slow, hit: 'none' },
    { call: 'GetCacheEntryDownloadURL', key: INDEX, answer: { hang: 60_000 }, warning: slow, hit: 'none' },
    { call: 'GetBlob', key: INDEX, answer: 'cut', warning: broken, hit: 'none' },
    { call: 'GetBlob', key: PARTS, answer: 'cut', warning: broken, hit: 'none' },
    { call: 'GetBlob', key: PARTS, answer: 'truncate', warning: unread, hit: 'none' },
    { isOrdinary: true, call: 'GetBlob', key: PARTS, answer: { flip: 1_000_000 }, warning: unread, hit: 'none' },
    { call: 'GetBlob', key: PARTS, answer: 'gone', warning: error, hit: 'none' },
    { call: 'GetBlob', answer: 'expired', warning: error, hit: 'none' },
  ],
  v1: [
    { answer: limited, warning: refused, hit: 'none' },
    { call: 'getCacheEntry', times: 1, answer: { status: 500 }, warning: error, hit: 'none' },
    { answer: { status: 503 }, warning: error, hit: 'none' },
    { call: 'GetBlob', key: PARTS, answer: 'cut', warning: broken, hit: 'none' },
    { call: 'GetBlob', key: PARTS, answer: 'truncate', warning: unread, hit: 'none' },
    { call: 'GetBlob', key: PARTS, times: 1, answer: 'gone', warning: error, hit: 'none' },
    { call: 'GetBlob', answer: 'expired', warning: error, hit: 'none' },
  ],
}

// By v1, the client's faults are in cache-client.test.ts.
const protocols = casesOfSet(['v2', 'v1'] as const, (protocol) => protocol === 'v2')

describe.each(protocols)('restoring by %s', (protocol) => {
  const job: Job = { protocol }
  // So long that no busy machine misses it, unless that is what is tested.
  const options = (deadline = '100s') =>
    jobStep(stand, service, { 'cache-scope': protocol, 'cache-deadline': deadline }, { job })

  beforeAll(async () => {
    await recover(stand, options())
  })

  const ofSet = casesOfSet(rows[protocol], ({ isOrdinary }) => isOrdinary === true)

  test.each(ofSet.map((row) => [nameOf(row), row] as const))('%s', async (_, { warning, hit, ...fault }) => {
    const script = service.script(fault)
    const step = await withstand(stand, options(warning === slow ? '20s' : undefined))
    script.end()
    expect(script.hits).toBeGreaterThan(0)
    expect(step.outputs['cache-hit']).toBe(hit)
    expect(warningsOf(step)).toStrictEqual(warning === undefined ? [] : [expect.stringMatching(warning)])
  })

  test('after all of that, everything is there', async () => {
    expect((await recover(stand, options())).outputs['cache-hit']).toBe('full')
  })
})

function nameOf({ call, key, times, answer }: Row): string {
  return [call ?? 'every call', key?.source ?? '', times === undefined ? '' : 'once', JSON.stringify(answer)].join(' ')
}
