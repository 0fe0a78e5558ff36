import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { removeFolders } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import type { StepOptions } from '../harness/runner.js'
import { type JobOptions, openWarmPlace, statsOf, stepsOf, type WarmPlace, warnings } from '../harness/warm-steps.js'

jest.setTimeout(180_000)

/** What no step that runs again gives twice, and large enough to be worth a skeleton. */
const bulk = 'head -c 6000000 /dev/urandom'

let place: WarmPlace

beforeAll(async () => {
  place = await openWarmPlace()
})

afterAll(async () => {
  await place.stop()
  await removeFolders()
})

const job = (name: string, lines: readonly string[], files: JobOptions['files'] = {}): StepOptions =>
  place.job(name, lines, { files, inputs: { skeletons: 'auto' } })

test('a changed COPY is pushed on layers that came back without contents', async () => {
  const lines = [`RUN ${bulk} > /bulk`, 'COPY app /srv/app']
  await succeed(job('copy', lines, { app: 'old' }))
  const changed = await succeed(job('copy', lines, { app: 'new' }))
  expect(stepsOf(changed)).toStrictEqual({ hit: lines.slice(0, 1), ran: lines.slice(1) })
  expect(changed.log).toContain('Cache: 1 layer restored without file contents')
  expect(statsOf(changed)['bytes-restored']).toBeLessThan(2_000_000)
  expect(changed.outputs['storage-conf']).toBe('')
  expect(warnings(changed)).toStrictEqual([])
  const image = await place.pull('copy')
  expect(contentOf(image, 'srv/app').toString()).toBe('new')
  expect(contentOf(image, 'bulk')).toHaveLength(6_000_000)
})
