import { describe, expect, jest, test } from '@jest/globals'

import { jobStep, recover, useStand, warningsOf, withstand } from '../harness/cache-fault-steps.js'
import type { Fault, Job } from '../harness/cache-service.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'

jest.setTimeout(300_000)

const { stand, service } = await useStand()
let scopes = 0

interface Row extends Fault {
  /** In the ordinary set as well: the one that stands for its class. */
  readonly isOrdinary?: boolean
  /** The one warning; undefined where the client helps itself. */
  readonly warning: RegExp | undefined
  /** `cache-hit` of the run after it. */
  readonly after: 'full' | 'partial' | 'none'
}

const INDEX = /^rib1-i-/
const PARTS = /^rib1-p-/
const limited = { status: 429, headers: { 'retry-after': '18' } }
const refused = /The cache service is rate-limiting this repository: .*The rest of this run doesn't use it\.$/
const error = /The cache service returned an error: /
const slow = /The cache service was too slow: /
const unsaved = /not (everything|all steps) (was|were) saved|the index was not saved/i

const rows: Readonly<Record<'v2' | 'v1', readonly Row[]>> = {
  v2: [
    { call: 'CreateCacheEntry', answer: limited, warning: refused, after: 'none' },
    { call: 'CreateCacheEntry', key: PARTS, answer: { status: 503 }, warning: slow, after: 'none' },
    { call: 'CreateCacheEntry', times: 1, answer: { status: 500 }, warning: undefined, after: 'full' },
    {
      call: 'CreateCacheEntry',
      key: /^rib1-p-[0-9a-f]{64}$/,
      answer: { status: 409 },
      warning: undefined,
      after: 'full',
    },
    { call: 'CreateCacheEntry', key: PARTS, answer: { status: 409 }, warning: unsaved, after: 'none' },
    {
      isOrdinary: true,
      call: 'CreateCacheEntry',
      key: INDEX,
      answer: { status: 409 },
      warning: unsaved,
      after: 'none',
    },
    { call: 'PutBlob', key: PARTS, answer: 'expired', warning: error, after: 'none' },
    { call: 'PutBlob', key: PARTS, times: 1, answer: 'cut', warning: undefined, after: 'full' },
    { call: 'PutBlob', key: PARTS, answer: { hang: 60_000 }, warning: slow, after: 'none' },
    { call: 'FinalizeCacheEntryUpload', key: PARTS, answer: { status: 409 }, warning: error, after: 'none' },
  ],
  v1: [
    { call: 'reserveCache', answer: limited, warning: refused, after: 'none' },
    { call: 'reserveCache', key: PARTS, answer: { status: 500 }, warning: error, after: 'none' },
    { call: 'reserveCache', key: /^rib1-p-[0-9a-f]{64}$/, answer: { status: 409 }, warning: undefined, after: 'full' },
    { call: 'uploadChunk', key: PARTS, answer: { status: 500 }, warning: error, after: 'none' },
    // The library tries again for longer than the deadline.
    { call: 'uploadChunk', key: PARTS, answer: 'cut', warning: slow, after: 'none' },
    { call: 'uploadChunk', key: PARTS, answer: { hang: 60_000 }, warning: slow, after: 'none' },
    { call: 'commitCache', key: PARTS, answer: { status: 409 }, warning: error, after: 'none' },
  ],
}

// By v1, the client's faults are in cache-client.test.ts.
const protocols = casesOfSet(['v2', 'v1'] as const, (protocol) => protocol === 'v2')

describe.each(protocols)('saving by %s', (protocol) => {
  // So long that no busy machine misses it, unless that is what is tested.
  const build = (job: Job = {}, deadline = '100s') => {
    const inputs = { 'cache-scope': String(scopes), 'cache-deadline': deadline }
    return jobStep(stand, service, inputs, { job: { protocol, ...job } })
  }

  const ofSet = casesOfSet(rows[protocol], ({ isOrdinary }) => isOrdinary === true)

  test.each(ofSet.map((row) => [nameOf(row), row] as const))('%s', async (_, { warning, after, ...fault }) => {
    scopes += 1
    const script = service.script(fault)
    const step = await withstand(stand, build({}, warning === slow ? '20s' : undefined))
    script.end()
    expect(script.hits).toBeGreaterThan(0)
    expect((await recover(stand, build())).outputs['cache-hit']).toBe(after)
    expect(warningsOf(step)).toStrictEqual(warning === undefined ? [] : [expect.stringMatching(warning)])
  })

  // In the ordinary set cache-client.test.ts has it.
  exhaustively(test)('a token that may only read', async () => {
    scopes += 1
    const before = service.entries()
    const step = await withstand(stand, build({ access: 'read' }))
    expect(service.entries()).toStrictEqual(before)
    expect((await recover(stand, build())).outputs['cache-hit']).toBe('none')
    const reading = await withstand(stand, build({ access: 'read' }))
    expect(reading.outputs['cache-hit']).toBe('full')
    expect(warningsOf(step)).toStrictEqual([
      expect.stringMatching(/denies this job write access: .*`cache-write: never`/),
    ])
    expect(warningsOf(reading)).toStrictEqual([])
  })

  exhaustively(test)('a token that may do nothing', async () => {
    const step = await withstand(stand, build({ access: 'none' }))
    expect(step.outputs['cache-hit']).toBe('none')
    expect(warningsOf(step)).toStrictEqual([
      expect.stringMatching(/The cache service denies this job (read|write) access: /),
    ])
  })
})

function nameOf({ call, key, times, answer }: Row): string {
  return [call ?? 'every call', key?.source ?? '', times === undefined ? '' : 'once', JSON.stringify(answer)].join(' ')
}
