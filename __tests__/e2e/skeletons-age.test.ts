import { randomBytes } from 'node:crypto'
import { describe, expect, jest, test } from '@jest/globals'

import { newestKeys, rewrite, unpackEntry } from '../harness/cache-archives.js'
import { succeed } from '../harness/clean-step.js'
import { clockAhead } from '../harness/clock-ahead.js'
import { contentOf } from '../harness/image-content.js'
import { runAction, type StepResult } from '../harness/runner.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { type JobOptions, stepsOf, warnings } from '../harness/warm-steps.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(300_000)

const place = await useWarmPlace()
const bulk = randomBytes(6_000_000)

/** A build of `bulk` and this text. */
const job = (name: string, app: string, { lines = ['COPY bulk /bulk', 'COPY app /app'], ...options }: More = {}) =>
  place.job(name, lines, { files: { bulk, app }, ...options })

interface More extends JobOptions {
  readonly lines?: readonly string[]
}

const came = ({ log }: StepResult) => /Cache: (\d+) layers? restored without file contents/.exec(log)?.[1]

describe.each(casesOfSet(['github', 'registry'], (cache) => cache === 'github'))('in the cache %s', (cache) => {
  test('what nobody has fetched for two days is fetched, and so is never dropped', async () => {
    const name = `aged-${cache}`
    const on = (days: number, app: string) => job(name, app, { env: clockAhead(days), inputs: { cache } })
    const day = async (days: number, app: string) => came(await succeed(on(days, app)))
    // In a registry, the first one warns that everybody can read it.
    expect((await runAction(on(0, 'first'))).exitCode).toBe(0)
    await expect(day(1.9, 'second')).resolves.toBe('1')
    // Whoever gets it without contents doesn't count as one who has fetched it.
    await expect(day(2.1, 'third')).resolves.toBeUndefined()
    await expect(day(4, 'fourth')).resolves.toBe('1')
    await expect(day(4.2, 'fifth')).resolves.toBeUndefined()
    const image = await place.pull(name)
    expect(contentOf(image, 'bulk')).toStrictEqual(bulk)
    expect(contentOf(image, 'app').toString()).toBe('fifth')
  })
})

const two = (text: string) => ['COPY bulk /bulk', `RUN cat /bulk >/${text}`, 'COPY app /app']

exhaustively(test)('bundles of several runs stand for the layers of one image', async () => {
  const name = 'bundles'
  for (const [number, text] of ['one', 'two', 'three', 'four', 'five'].entries()) {
    const lines = two(text)
    await succeed(job(name, `old ${number}`, { lines }))
    const changed = await succeed(job(name, `new ${number}`, { lines }))
    expect(came(changed)).toBe('2')
    expect(warnings(changed)).toStrictEqual([])
    const image = await place.pull(name)
    expect(contentOf(image, text)).toStrictEqual(bulk)
    expect(contentOf(image, 'app').toString()).toBe(`new ${number}`)
  }
})

interface Written {
  readonly layers: readonly { readonly skeleton?: string }[]
}

test('where the bundle is older than the layer that it stands for, every layer comes back whole', async () => {
  const name = 'older'
  await succeed(job(name, 'old', { lines: two('one') }))
  const before = new Set(await bundles())
  await succeed(job(name, 'old', { lines: two('two') }))
  const [older = ''] = before
  expect((await bundles()).filter((bundle) => !before.has(bundle))).toHaveLength(1)
  await rewrite(place.service, (await newestKeys(place.service)).index, (content) => {
    const index = JSON.parse(content.toString()) as Written
    const layers = index.layers.map((layer) => (layer.skeleton === undefined ? layer : { ...layer, skeleton: older }))
    return JSON.stringify({ ...index, layers })
  })
  const changed = await succeed(job(name, 'new', { lines: two('two'), env: { RUNNER_DEBUG: '1' } }))
  expect(came(changed)).toBeUndefined()
  expect(changed.log).toContain('restoring all layers whole, since one without contents did not come')
  expect(stepsOf(changed).hit).toStrictEqual(two('two').slice(0, 2))
  const image = await place.pull(name)
  expect(contentOf(image, 'two')).toStrictEqual(bulk)
  expect(contentOf(image, 'app').toString()).toBe('new')
})

/** The bundles that the newest index names. */
async function bundles(): Promise<string[]> {
  const { content } = await unpackEntry(place.service.blob((await newestKeys(place.service)).index))
  const { layers } = JSON.parse(content.toString()) as Written
  return [...new Set(layers.flatMap(({ skeleton }) => skeleton ?? []))]
}
