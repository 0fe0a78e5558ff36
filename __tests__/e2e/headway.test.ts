import { afterAll, expect, jest, test } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { startFlakyProxy } from '../harness/flaky-proxy.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { exhaustively } from '../harness/test-set.js'
import { openWarmPlace } from '../harness/warm-steps.js'

jest.setTimeout(240_000)

// Slow enough that a part of 4 MB is under way for longer than the log may be silent.
const place = await openWarmPlace({ bandwidth: 240_000 })
const busy = { status: 429, headers: { 'retry-after': '17' } }
const proxy = await startFlakyProxy(place.proxy.host, [
  // The trial before the build gets the first one.
  { method: 'POST', path: /\/blobs\/uploads\//, times: 2, answer: busy },
])
afterAll(async () => {
  await proxy.stop()
  await place.stop()
})

const lines = ['RUN head -c 3000000 /dev/urandom > /big']
const job = () =>
  place.job('headway', lines, {
    inputs: { images: `${proxy.host}/acme/headway` },
    env: { CONTAINERS_REGISTRIES_CONF: insecureRegistries(place.proxy.host) },
  })
/** Phases in the order in which they end: those that took long have their time behind what they say, others before. */
const phases = (log: string) =>
  [...log.matchAll(/^(?:::group::)?(Setup|Restore|Build|Push|Save): \d+\.\d s$/gm)].map(([, name]) => name)

test('phases have their times', async () => {
  const step = place.job('phases', ['RUN true'], { inputs: { cache: 'off' } })
  // On a busy machine those with nothing to do take a moment as well.
  const worked = phases((await succeed(step)).log).filter((name) => name !== 'Restore' && name !== 'Save')
  expect(worked).toStrictEqual(['Setup', 'Build', 'Push'])
})

exhaustively(test)('what takes long says how far it has come', async () => {
  const first = await succeed(job())
  expect(first.log).toMatch(
    /^Push of \S+\/acme\/headway:\S+: \d of \d layers started, 5\.\d MB in total, uncompressed; \d+ s so far$/m,
  )
  expect(first.log).toMatch(/^Cache: saving \(before compression\): 0 B of 5\.\d MB, \d+ s so far$/m)
  expect(phases(first.log)).toStrictEqual(['Setup', 'Restore', 'Build', 'Push', 'Save'])
  expect(first.log).toMatch(/^Push: /m)
  expect(first.log).toMatch(/^Save: /m)

  const second = await succeed(job())
  expect(second.log).toMatch(/^Cache: \d+\.\d [kM]B of 4\.\d MB, \d+\.\d kB\/s, \d+ s left$/m)
  expect(second.outputs['cache-hit']).toBe('full')
  expect(phases(second.log).slice(0, 3)).toStrictEqual(['Setup', 'Restore', 'Build'])
  expect(second.log).toMatch(/^Restore: /m)
})
