import { randomBytes } from 'node:crypto'

import { describe, expect, jest, test } from '@jest/globals'

import { startCacheService } from '../harness/cache-service.js'
import { succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { contentOf } from '../harness/image-content.js'
import type { StepOptions } from '../harness/runner.js'
import { casesOfSet, exhaustively, isExhaustive } from '../harness/test-set.js'
import { expectHit, type JobOptions, statsOf, stepsOf, uploads, warnings } from '../harness/warm-steps.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(240_000)

const random = 'cat /proc/sys/kernel/random/uuid'

const place = await useWarmPlace()

describeEngines('with $name', ({ version, wish, testEach, testOne }) => {
  const scope = (name: string): string => `${name}-${version}`
  const job = (name: string, lines: readonly string[], options?: JobOptions): StepOptions =>
    place.job(scope(name), lines, options, wish())

  exhaustively(testEach)('80 steps: all come back, with few calls', async () => {
    const lines = Array.from({ length: 80 }, (_, index) =>
      index % 8 === 0
        ? `RUN ${random} > /id-${index}`
        : index % 8 === 4
          ? `COPY file /file-${index}`
          : `ENV N${index}=1`,
    )
    place.service.forget()
    const cold = await succeed(job('eighty', lines, { files: { file: '1' } }))
    expect(uploads(place.service)).toBeLessThanOrEqual(9)
    place.service.forget()
    const warm = await succeed(job('eighty', lines, { files: { file: '1' } }))
    expect(stepsOf(warm)).toStrictEqual({ hit: lines, ran: [] })
    expectHit(warm, 'full')
    expect(warm.outputs['digest']).toBe(cold.outputs['digest'])
    expect(place.service.counters().service).toBeLessThanOrEqual(9)
    expect(uploads(place.service)).toBe(0)
  })

  testEach('a stage has in a mount what it has, whether it did not change or did', async () => {
    const mounting = (last: string, seen: string): string[] => [
      `FROM ${place.base} AS shown`,
      `RUN mkdir /shown && echo ${seen} > /shown/file`,
      `FROM ${place.base}`,
      `RUN --mount=type=bind,from=shown,source=/shown,target=/m cat /m/file > /file && echo ${last}`,
    ]
    for (const [last, seen] of [
      ['1', 'seen'],
      ['2', 'seen'],
      ['2', 'changed'],
    ] as const) {
      await succeed(job('mounted', mounting(last, seen)))
      expect(contentOf(await place.pull(scope('mounted')), 'file').toString()).toBe(`${seen}\n`)
    }
  })

  testOne('stages: copied from, built up to, and not needed', async () => {
    const stages = (last: string): string[] => [
      `RUN ${random} > /made`,
      `FROM ${place.base} AS idle`,
      'RUN exit 1',
      `FROM ${place.base} AS tools`,
      `RUN ${random} > /tool`,
      `FROM ${place.base} AS final`,
      'COPY --from=0 /made /made',
      'COPY --from=tools /tool /tool',
      `RUN echo ${last} > /last`,
      `FROM ${place.base} AS beyond`,
      'RUN exit 1',
    ]
    const inputs = { target: 'final' }
    const cold = await succeed(job('stages', stages('1'), { inputs }))
    const first = await place.pull(scope('stages'))
    const warm = await succeed(job('stages', stages('1'), { inputs }))
    expect(stepsOf(warm).ran).toStrictEqual([])
    expectHit(warm, 'full')
    expect(warm.outputs['digest']).toBe(cold.outputs['digest'])

    const changed = await succeed(job('stages', stages('2'), { inputs }))
    expect(stepsOf(changed).ran).toStrictEqual(['RUN echo 2 > /last'])
    const second = await place.pull(scope('stages'))
    for (const file of ['made', 'tool']) expect(contentOf(second, file)).toStrictEqual(contentOf(first, file))
    expect(contentOf(second, 'last').toString()).toBe('2\n')
  })
})

exhaustively(test)('two images on one base: what is large of it is kept and sent once', async () => {
  const big = randomBytes(5 * 2 ** 20)
  const made = await succeed(place.job('big-base', ['COPY big /big'], { files: { big }, inputs: { cache: 'off' } }))
  const on = (name: string): StepOptions => {
    const step = place.job(name, [], { inputs: { skeletons: 'off' } })
    return { ...step, workspace: { Dockerfile: `FROM ${made.outputs['tags'] ?? ''}\nRUN ${random} > /id\n` } }
  }
  place.service.forget()
  await succeed(on('one'))
  expect(place.service.counters().bytesUp).toBeGreaterThan(big.length)
  const parts = (): string[] => place.service.entries().flatMap(({ key }) => (key.includes('-p-') ? [key] : []))
  const before = parts()
  place.service.forget()
  const other = await succeed(on('other'))
  expectHit(other, 'none')
  expect(place.service.counters().bytesUp).toBeLessThan(big.length / 2)
  // Only what is small goes along a second time.
  expect(parts().length - before.length).toBe(1)
  expect(new Set(parts()).size).toBe(parts().length)
  place.service.forget()
  expectHit(await succeed(on('other')), 'full')
  expect(place.service.counters().bytesDown).toBeGreaterThan(big.length)
})

test('two jobs of one scope at once do not disturb each other, and the next one finds a whole cache', async () => {
  const lines = [`RUN ${random} > /id`, 'COPY one /one', `RUN ${random} > /more`]
  const step = (one: string): StepOptions => place.job('at-once', lines, { files: { one } })
  const cold = await Promise.all([succeed(step('1')), succeed(step('1'))])
  const warm = await succeed(step('1'))
  expectHit(warm, 'full')
  expect(cold.map(({ outputs }) => outputs['imageid'])).toContain(warm.outputs['imageid'])
  for (const one of [...cold, warm]) expect(warnings(one)).toStrictEqual([])
})

exhaustively(test)('two jobs of one scope at once that differ: the later of both is what is found', async () => {
  const lines = [`RUN ${random} > /id`, 'COPY one /one', `RUN ${random} > /more`]
  const step = (one: string): StepOptions => place.job('apart', lines, { files: { one } })
  await succeed(step('1'))
  const changed = await Promise.all([succeed(step('2')), succeed(step('3'))])
  for (const one of changed) expect(stepsOf(one)).toStrictEqual({ hit: lines.slice(0, 1), ran: lines.slice(1) })
  const reading = (value: string): StepOptions => {
    const one = step(value)
    return { ...one, inputs: { ...one.inputs, 'cache-write': 'never' } }
  }
  const again = [await succeed(reading('2')), await succeed(reading('3'))].map(({ outputs }) => outputs['cache-hit'])
  expect(again).toContain('full')
  for (const one of changed) expect(warnings(one)).toStrictEqual([])
})

exhaustively(test)('the jobs of a matrix, ten steps each with a large layer: at most nine uploads a job', async () => {
  const lines = Array.from({ length: 10 }, (_, step) => `RUN head -c 4400000 /dev/zero > /zero-${step}`)
  place.service.forget()
  const jobs = ['a', 'b', 'c'].map((name) => place.job(`matrix-${name}`, [`ENV JOB=${name}`, ...lines]))
  const cold = await Promise.all(jobs.map((one) => succeed(one)))
  expect(uploads(place.service)).toBeGreaterThan(3)
  expect(uploads(place.service)).toBeLessThanOrEqual(9 * jobs.length)
  for (const one of cold) expect(warnings(one)).toStrictEqual([])
  const [first] = jobs
  if (first !== undefined) expectHit(await succeed(first), 'full')
})

const older = [
  { name: 'v1', act: false, token: { protocol: 'v1' as const }, env: { GITHUB_SERVER_URL: 'https://ghes.example' } },
  // In the ordinary set act.test.ts has it.
  { name: 'act', act: true, token: {}, env: { ACT: 'true', ACTIONS_CACHE_SERVICE_V2: undefined } },
]

describe.each(casesOfSet(older, ({ act }) => !act))('the older protocol, as $name speaks it', ({ act, token, env }) => {
  test('cold, warm, and with a change', async () => {
    const service = await startCacheService({ act })
    try {
      const lines = [`RUN ${random} > /id`, 'COPY one /one']
      const step = (one: string): StepOptions => {
        const options = { files: { one }, env: { ...noService, ...service.environment(token), ...env } }
        return place.job(`older-${act}`, lines, options)
      }
      const cold = await succeed(step('1'))
      expect(uploads(service)).toBe(2)
      service.forget()
      const warm = await succeed(step('1'))
      expectHit(warm, 'full')
      expect(warm.outputs['digest']).toBe(cold.outputs['digest'])
      expect(uploads(service)).toBe(0)
      expect(service.counters().calls).toHaveProperty('getCacheEntry')
      if (!isExhaustive) return
      const changed = await succeed(step('2'))
      expect(stepsOf(changed)).toStrictEqual({ hit: lines.slice(0, 1), ran: lines.slice(1) })
      expect(statsOf(changed)).toMatchObject({ 'parts-saved': 1 })
      expectHit(await succeed(step('2')), 'full')
    } finally {
      await service.stop()
    }
  })
})

/** Takes the place's own service away. */
const noService = Object.fromEntries(
  ['ACTIONS_RUNTIME_URL', 'ACTIONS_RUNTIME_TOKEN', 'ACTIONS_CACHE_URL', 'ACTIONS_RESULTS_URL'].map((name) => [
    name,
    undefined,
  ]),
)
