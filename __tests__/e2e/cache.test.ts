import { afterAll, beforeAll, expect, jest } from '@jest/globals'

import { fail, succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { removeFolders } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { someSeconds, stillSleeping, wakeAll } from '../harness/run-marks.js'
import { runAction, type StepOptions } from '../harness/runner.js'
import { exhaustively } from '../harness/test-set.js'
import {
  expectHit,
  type JobOptions,
  openWarmPlace,
  statsOf,
  countHits,
  stepsOf,
  uploads,
  type WarmPlace,
  warnings,
  watchRegistry,
} from '../harness/warm-steps.js'

jest.setTimeout(180_000)

/** What no step that runs again gives twice. */
const random = 'cat /proc/sys/kernel/random/uuid'

let place: WarmPlace

beforeAll(async () => {
  place = await openWarmPlace()
})

afterAll(async () => {
  wakeAll()
  await place.stop()
  await removeFolders()
})

describeEngines('with $name', ({ name: engine, wish, testEach, testOne }) => {
  /** Each engine has scopes of its own. */
  const scope = (name: string): string => `${name}-${engine.replaceAll(/\W+/g, '-').toLowerCase()}`
  const job = (name: string, lines: readonly string[], options?: JobOptions): StepOptions =>
    place.job(scope(name), lines, options, wish())

  testEach('nothing has changed: every step is there, nothing runs, nothing moves up', async () => {
    const lines = ['COPY one /srv/one', 'ENV A=1', `RUN ${random} > /srv/id`, 'COPY two /srv/two', 'CMD ["/bin/true"]']
    const step = job('same', lines, { files: { one: '1', two: '2' } })
    place.service.forget()
    const { result: cold, went: coldWent } = await watchRegistry(place.proxy, () => succeed(step))
    expectHit(cold, 'none')
    expect(coldWent.blobsUp).toBeGreaterThan(0)
    expect(coldWent.blobsDown).toBeGreaterThan(0)
    expect(uploads(place.service)).toBeGreaterThan(1)
    expect(place.service.counters().service).toBeLessThanOrEqual(40)

    place.service.forget()
    const { result: warm, went } = await watchRegistry(place.proxy, () => succeed(step))
    expect(stepsOf(warm)).toStrictEqual({ hit: lines, ran: [] })
    expectHit(warm, 'full')
    expect(warm.outputs).toMatchObject({ imageid: cold.outputs['imageid'], digest: cold.outputs['digest'] })
    // The configuration of the base image, which says in which format it loses nothing.
    expect(went).toStrictEqual({ blobsUp: 0, blobsDown: 1 })
    expect(place.service.counters()).toMatchObject({ bytesUp: 0 })
    expect(uploads(place.service)).toBe(0)
    expect(place.service.counters().service).toBeLessThanOrEqual(4)
    expect(statsOf(warm)).toMatchObject({ 'steps-hit': 5, 'steps-missed': 0, 'parts-saved': 0, 'bytes-saved': 0 })
    expect(statsOf(warm)['requests']).toBe(place.service.counters().service)
    const came = `^Cache restored: ${countHits(warm)} steps, .* in 1 part, .* s \\(key [0-9a-f]+: image "\\S+same\\S*", platform `
    expect(warm.log).toMatch(new RegExp(came, 'm'))
    expect([...warnings(cold), ...warnings(warm)]).toStrictEqual([])
  })

  exhaustively(testEach)(
    'a large file has changed: its old layer, and what stood on it, are not even fetched',
    async () => {
      const lines = [`RUN ${random} > /id`, 'COPY large /large', `RUN ${random} > /after`]
      const large = (byte: string): string => byte.repeat(5 * 2 ** 20)
      await succeed(job('large', lines, { files: { large: large('a') } }))
      const changed = await succeed(job('large', lines, { files: { large: large('b') } }))
      expect(stepsOf(changed)).toStrictEqual({ hit: lines.slice(0, 1), ran: lines.slice(1) })
      expect(changed.log).toMatch(/^Cache restored: 1 step, /m)
      // The part with all that is small came; that of the large layer didn't.
      expect(statsOf(changed)).toMatchObject({ 'parts-restored': 1 })
      const same = await succeed(job('large', lines, { files: { large: large('b') } }))
      expectHit(same, 'full')
    },
  )

  testOne('the last COPY has changed: it runs alone, and its layer alone is kept', async () => {
    const lines = [`RUN ${random} > /id`, 'COPY one /one', 'COPY last /last']
    const bulk = 'b'.repeat(300_000)
    const cold = await succeed(job('last', lines, { files: { one: bulk, last: 'old' } }))
    place.service.forget()
    const changed = job('last', lines, { files: { one: bulk, last: 'new' } })
    const { result: warm, went } = await watchRegistry(place.proxy, () => succeed(changed))
    expect(stepsOf(warm)).toStrictEqual({ hit: lines.slice(0, 2), ran: lines.slice(2) })
    expectHit(warm, 'partial')
    expect(warm.outputs['digest']).not.toBe(cold.outputs['digest'])
    // A part and the index; of the registry, a layer and a configuration, by PATCH and PUT each.
    expect(uploads(place.service)).toBe(2)
    expect(place.service.counters().bytesUp).toBeLessThan(32_000)
    expect(went.blobsUp).toBeLessThanOrEqual(4)
    expect(statsOf(warm)).toMatchObject({ 'steps-hit': 2, 'steps-missed': 1, 'parts-saved': 1 })

    const image = await place.pull(scope('last'))
    expect(contentOf(image, 'last').toString()).toBe('new')
    const again = await succeed(changed)
    expectHit(again, 'full')
    expect(again.outputs['digest']).toBe(warm.outputs['digest'])
  })

  exhaustively(testEach)('an ARG in the middle has changed, and changes back', async () => {
    const lines = [
      'COPY one /one',
      `RUN ${random} > /first`,
      'ARG WHO=nobody',
      `RUN echo $WHO > /who && ${random} > /id`,
    ]
    const step = (who: string): StepOptions =>
      job('arg', [...lines, 'COPY two /two'], { files: { one: '1', two: '2' }, inputs: { 'build-args': `WHO=${who}` } })
    const ada = await succeed(step('ada'))
    const first = await place.pull(scope('arg'))
    const bob = await succeed(step('bob'))
    const second = await place.pull(scope('arg'))
    expect(stepsOf(bob).hit.slice(0, 2)).toStrictEqual(lines.slice(0, 2))
    expect(stepsOf(bob).ran).toStrictEqual(expect.arrayContaining([...lines.slice(3), 'COPY two /two']))
    expectHit(bob, 'partial')
    expect(contentOf(second, 'first')).toStrictEqual(contentOf(first, 'first'))
    expect(contentOf(second, 'who').toString()).toBe('bob\n')
    expect(contentOf(second, 'id')).not.toStrictEqual(contentOf(first, 'id'))
    const back = await succeed(step('ada'))
    expectHit(back, 'full')
    expect(back.outputs['digest']).toBe(ada.outputs['digest'])
  })

  testOne('a RUN fails after four good steps, then it is mended: four hits', async () => {
    const good = [`RUN ${random} > /a`, 'ENV B=1', 'COPY one /one', `RUN ${random} > /b`]
    const files = { one: '1' }
    const { error, log } = await fail(job('failing', [...good, 'RUN exit 7', 'RUN true'], { files }))
    expect(error).toContain('7')
    expect(warnings({ log })).toStrictEqual([])
    const mended = await succeed(job('failing', [...good, 'RUN exit 0', 'RUN true'], { files }))
    expect(stepsOf(mended)).toStrictEqual({ hit: good, ran: ['RUN exit 0', 'RUN true'] })
    expectHit(mended, 'partial')
  })

  testOne('a build that is cancelled has kept the steps that were finished', async () => {
    const good = [`RUN ${random} > /a`, `RUN ${random} > /b`]
    const seconds = someSeconds()
    const long = `RUN echo st""arted; sleep ${seconds}`
    const signal = { name: 'SIGINT', when: /^started$/m } as const
    const cancelled = await runAction({ ...job('cancelled', [...good, long]), signal })
    expect(cancelled).toMatchObject({ exitCode: 130, post: { exitCode: 0 }, leftInTemp: [], leftRunning: [] })
    expect(stillSleeping(seconds)).toStrictEqual([])
    expect([cancelled.log, cancelled.post?.log].join('\n')).not.toMatch(/^::(warning|error)/m)
    const next = await succeed(job('cancelled', [...good, 'RUN true']))
    expect(stepsOf(next)).toStrictEqual({ hit: good, ran: ['RUN true'] })
  })

  // In the ordinary set staleness-files.test.ts has a base that moves.
  exhaustively(testEach)('the tag of the base has moved: all is built anew on the new one', async () => {
    const moving = scope('moving')
    const lines = [`RUN ${random} > /id`]
    const on = (dockerfile: readonly string[]): StepOptions => {
      const step = job('on-moving', [])
      return { ...step, workspace: { Dockerfile: `${dockerfile.join('\n')}\n` } }
    }
    const publish = (mark: string): Promise<unknown> =>
      succeed(place.job(moving, [`RUN echo ${mark} > /mark`], { inputs: { cache: 'off' } }))
    const from = `FROM ${place.proxy.host}/acme/${moving}:latest`
    await publish('old')
    await succeed(on([from, ...lines]))
    const same = await watchRegistry(place.proxy, () => succeed(on([from, ...lines])))
    expectHit(same.result, 'full')
    expect(same.went).toStrictEqual({ blobsUp: 0, blobsDown: 0 })

    const before = await place.pull(scope('on-moving'))
    await publish('new')
    const moved = await watchRegistry(place.proxy, () => succeed(on([from, ...lines])))
    const after = await place.pull(scope('on-moving'))
    expect(stepsOf(moved.result)).toStrictEqual({ hit: [], ran: lines })
    expect(moved.went.blobsDown).toBeGreaterThan(0)
    expect([before, after].map((image) => contentOf(image, 'mark').toString())).toStrictEqual(['old\n', 'new\n'])
    const again = await succeed(on([from, ...lines]))
    expectHit(again, 'full')
    expect(again.outputs['digest']).toBe(moved.result.outputs['digest'])
  })
})
