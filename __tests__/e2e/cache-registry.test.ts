import { describe, expect, jest, test } from '@jest/globals'

import { recover, useStand, warningsOf, withstand } from '../harness/cache-fault-steps.js'
import { type Fault, type FlakyProxy, startFlakyProxy } from '../harness/flaky-proxy.js'
import type { StepOptions } from '../harness/runner.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { statsOf } from '../harness/warm-steps.js'

jest.setTimeout(300_000)

// More than is saved at once, so that post has something to do.
const { stand } = await useStand({}, 9 * 2 ** 20)

interface Row extends Fault {
  readonly name: string
  /** In the ordinary set as well. */
  readonly isOrdinary?: boolean
  /** The one warning; undefined where the client helps itself. */
  readonly warning: RegExp | undefined
  /** `cache-hit` of the run that it meets. */
  readonly hit: 'full' | 'partial' | 'none'
}

const BLOBS = /\/web-cache\/blobs\/sha256:/
const INDEX = /\/web-cache\/manifests\/rib1-i-/
const UPLOADS = /\/web-cache\/blobs\/uploads\//
const ANY = /\/web-cache\//
const limited = { status: 429, headers: { 'retry-after': '18' } }
const open = /everybody can read \S+\/acme\/web-cache without a login/

/** A machine of its own that shares nothing with another one but the registry, which it sees through a proxy. */
function on(proxy: FlakyProxy, scope: string, inputs: Readonly<Record<string, string>> = {}): StepOptions {
  // The second one is there for the base image, which is pulled past the proxy.
  const images = `${proxy.host}/acme/web\n${stand.host}/acme/beside`
  return stand.step({ images, cache: 'registry', 'cache-scope': scope, 'cache-deadline': '100s', ...inputs })
}

async function behind<T>(faults: readonly Fault[], work: (proxy: FlakyProxy) => Promise<T>): Promise<T> {
  const proxy = await startFlakyProxy(stand.host, faults)
  return await work(proxy).finally(() => proxy.stop())
}

test('two machines that share nothing but a registry are one with a warm store', async () => {
  await behind([], async (proxy) => {
    const cold = await withstand(stand, on(proxy, 'warm', { unchanged: 'skip' }))
    // Of a repository that nobody has made private, once a branch.
    expect(warningsOf(cold)).toStrictEqual([expect.stringMatching(open)])
    expect(cold.outputs['cache-hit']).toBe('none')
    const [before, sent] = [proxy.requests.length, proxy.count('PUT', UPLOADS)]
    const warm = await recover(stand, on(proxy, 'warm'))
    expect(warm.outputs).toMatchObject({ 'cache-hit': 'full', imageid: cold.outputs['imageid'] })
    expect(proxy.count('PUT', UPLOADS)).toBe(sent)
    const ofCache = proxy.requests.slice(before).filter(({ path }) => ANY.test(path))
    expect(statsOf(warm)['requests']).toBeGreaterThanOrEqual(ofCache.length)

    const skipped = await recover(stand, on(proxy, 'warm', { unchanged: 'skip' }))
    expect(skipped.outputs).toMatchObject({ built: 'false', digest: cold.outputs['digest'] })
  })
})

const rows: readonly Row[] = [
  {
    name: '429',
    method: 'GET',
    path: INDEX,
    times: 9,
    answer: limited,
    warning: /limits the rate .* doesn't use it\.$/,
    hit: 'none',
  },
  {
    name: 'a server that is ill',
    method: 'GET',
    path: ANY,
    times: 99,
    answer: { status: 503 },
    warning: /temporary error/,
    hit: 'none',
  },
  {
    name: 'a server that is ill once',
    method: 'GET',
    path: INDEX,
    times: 1,
    answer: { status: 502 },
    warning: undefined,
    hit: 'full',
  },
  { name: '401', method: 'GET', path: INDEX, times: 9, answer: { status: 401 }, warning: /Access denied/, hit: 'none' },
  { name: '403', method: 'GET', path: INDEX, times: 9, answer: { status: 403 }, warning: /Access denied/, hit: 'none' },
  {
    name: 'blobs that are gone',
    method: 'GET',
    path: BLOBS,
    times: 99,
    answer: { status: 404 },
    warning: /part of the cache is missing/,
    hit: 'none',
  },
  {
    name: 'other bytes',
    isOrdinary: true,
    method: 'GET',
    path: BLOBS,
    times: 99,
    answer: { status: 200, body: 'x'.repeat(99) },
    warning: /doesn't match/,
    hit: 'none',
  },
  {
    name: 'a connection that is cut',
    method: 'GET',
    path: BLOBS,
    times: 99,
    answer: 'cut',
    warning: /failed: /,
    hit: 'none',
  },
  {
    name: 'no answer',
    method: 'GET',
    path: INDEX,
    times: 99,
    answer: 'silence',
    warning: /too slow: no response within|sent nothing for/,
    hit: 'none',
  },
  {
    name: 'layers that come a byte a second',
    method: 'GET',
    path: BLOBS,
    times: 99,
    answer: 'trickle',
    warning: /too slow: no response within \d+ s\./,
    hit: 'none',
  },
  {
    name: 'a page in place of an index',
    method: 'GET',
    path: INDEX,
    times: 9,
    answer: { status: 200, body: '<html>' },
    warning: /something else than a cache/,
    hit: 'none',
  },
]

exhaustively(test)('an index that another job puts while one reads it', async () => {
  const write = async () => {
    await behind([], (proxy) => withstand(stand, on(proxy, 'raced', { 'build-args': 'OTHER=1' })))
  }
  await write()
  const fault: Fault = { method: 'GET', path: BLOBS, times: 1, answer: 'pass', meanwhile: write }
  await behind([fault], async (proxy) => {
    const step = await recover(stand, on(proxy, 'raced'))
    expect(step.outputs['cache-hit']).toBe('full')
  })
  await behind([], async (proxy) => {
    const step = await recover(stand, on(proxy, 'raced'))
    expect(step.outputs['cache-hit']).toBe('full')
  })
})

describe('reading', () => {
  const ofSet = casesOfSet(rows, ({ isOrdinary }) => isOrdinary === true)

  test.each(ofSet.map((row) => [row.name, row] as const))('%s', async (_, { warning, hit, ...fault }) => {
    await behind([], (proxy) => withstand(stand, on(proxy, 'read')))
    await behind([fault], async (proxy) => {
      const step = await withstand(stand, on(proxy, 'read', { 'cache-write': 'never' }))
      expect(
        proxy.requests.filter(
          ({ answer }) => answer === (typeof fault.answer === 'string' ? fault.answer : fault.answer.status),
        ),
      ).not.toStrictEqual([])
      expect(step.outputs['cache-hit']).toBe(hit)
      expect(warningsOf(step)).toStrictEqual(warning === undefined ? [] : [expect.stringMatching(warning)])
    })
  })
})

const denied = /Access denied: .* If that is intended, write `cache-write: never`\.$/
const writing: readonly Row[] = [
  {
    name: '403',
    isOrdinary: true,
    method: 'POST',
    path: UPLOADS,
    times: 99,
    answer: { status: 403 },
    warning: denied,
    hit: 'none',
  },
  { name: '429', method: 'PUT', path: UPLOADS, times: 99, answer: limited, warning: /limits the rate/, hit: 'none' },
  {
    name: 'a server that is ill',
    method: 'PUT',
    path: UPLOADS,
    times: 99,
    answer: { status: 500 },
    warning: /temporary error/,
    hit: 'none',
  },
  {
    name: 'no answer',
    method: 'PUT',
    path: UPLOADS,
    times: 99,
    answer: 'silence',
    warning: /too slow: no response within|not everything was saved within/,
    hit: 'none',
  },
  {
    name: 'a connection that is cut once',
    method: 'PUT',
    path: UPLOADS,
    times: 1,
    answer: 'cut',
    warning: undefined,
    hit: 'full',
  },
  {
    name: 'an index that is refused',
    method: 'PUT',
    path: INDEX,
    times: 99,
    answer: { status: 400, errors: [{ code: 'MANIFEST_INVALID' }] },
    warning: /takes no manifest of a cache/,
    hit: 'none',
  },
  {
    name: 'no artifacts',
    method: 'PUT',
    path: INDEX,
    times: 1,
    answer: { status: 415, errors: [{ code: 'UNSUPPORTED' }] },
    warning: undefined,
    hit: 'full',
  },
  {
    name: 'no deletes',
    method: 'DELETE',
    path: /\/manifests\//,
    times: 99,
    answer: { status: 405 },
    warning: undefined,
    hit: 'full',
  },
]

describe('writing', () => {
  const ofSet = casesOfSet(writing, ({ isOrdinary }) => isOrdinary === true)

  test.each(ofSet.map((row) => [row.name, row] as const))('%s', async (name, { warning, hit, ...fault }) => {
    const scope = `write-${name}`
    await behind([fault], async (proxy) => {
      const step = await withstand(stand, on(proxy, scope))
      const others = warningsOf(step).filter((text) => !open.test(text))
      expect(others).toStrictEqual(warning === undefined ? [] : [expect.stringMatching(warning)])
    })
    await behind([], async (proxy) => {
      const step = await withstand(stand, on(proxy, scope))
      expect(step.outputs['cache-hit']).toBe(hit)
    })
  })
})
