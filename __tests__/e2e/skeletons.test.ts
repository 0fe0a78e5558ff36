import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { busyboxImage } from '../harness/base-image.js'
import { systemVersion } from '../harness/built-buildah.js'
import { buildahWith } from '../harness/buildah-with.js'
import { succeed } from '../harness/clean-step.js'
import { makeFolder, removeFolders } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { startFlakyProxy } from '../harness/flaky-proxy.js'
import { imageFiles, type PulledImage, pullImage } from '../harness/images.js'
import { startRegistry } from '../harness/registry.js'
import { runAction, type StepOptions, type StepResult } from '../harness/runner.js'
import { randomBuild, type Variant, type WrittenBuild } from '../harness/random-builds.js'
import { diceOf } from '../harness/staleness-random.js'
import { makeTree } from '../harness/staleness-tree.js'
import { casesOfSet, exhaustively, isExhaustive, seedOfSet } from '../harness/test-set.js'
import { type JobOptions, openWarmPlace, statsOf, stepsOf, type WarmPlace, warnings } from '../harness/warm-steps.js'

jest.setTimeout(180_000)

/** What is large enough to be worth a skeleton. */
const bulk = randomBytes(6_000_000)
const BULK = 'COPY bulk /bulk'

let place: WarmPlace

beforeAll(async () => {
  place = await openWarmPlace()
})

afterAll(async () => {
  await place.stop()
  await removeFolders()
})

const job = (name: string, lines: readonly string[], { files, ...more }: JobOptions = {}): StepOptions =>
  place.job(name, lines, { ...more, files: { bulk, ...files } })

const came = (step: StepResult) => /Cache: (\d+) layers? restored without file contents/.exec(step.log)?.[1]

/** All that an image has, by path: its times left out, which every build has its own of. */
function entriesOf(image: PulledImage): unknown[] {
  const files = [...imageFiles(image)].map(([path, file]) => [path, { ...file, mtime: undefined }] as const)
  return files.sort(([one], [other]) => (one < other ? -1 : 1))
}

/** The same, with all that its configuration says of what is run, and how it was made. */
function contentsOf(image: PulledImage): unknown {
  const { config, history } = image.config
  // In Docker's format, the name of the container that the last step was built in.
  const own = { ...config, Hostname: undefined }
  return { entries: entriesOf(image), config: own, history: history?.map((entry) => entry.created_by) }
}

test('a changed COPY is pushed on layers that came back without contents', async () => {
  const lines = [BULK, 'RUN cat /bulk > /copy', 'COPY app /srv/app']
  await succeed(job('copy', lines, { files: { app: 'old' } }))
  const changed = await succeed(job('copy', lines, { files: { app: 'new' } }))
  expect(stepsOf(changed)).toStrictEqual({ hit: lines.slice(0, 2), ran: lines.slice(2) })
  expect(came(changed)).toBe('2')
  expect(statsOf(changed)['bytes-restored']).toBeLessThan(2_000_000)
  expect(changed.outputs['storage-conf']).toBe('')
  expect(warnings(changed)).toStrictEqual([])
  const image = await place.pull('copy')
  expect(contentOf(image, 'srv/app').toString()).toBe('new')
  expect(contentOf(image, 'bulk')).toStrictEqual(bulk)

  // What has no content is never saved as a layer: a run that needs it gets it whole.
  const read = await succeed(job('copy', [...lines.slice(0, 2), 'RUN cmp /bulk /copy'], { files: { app: 'new' } }))
  expect(came(read)).toBeUndefined()
  expect(stepsOf(read).hit).toStrictEqual(lines.slice(0, 2))
})

test('a stage that files are taken from comes back whole beside skeletons', async () => {
  const lines = (app: string) => [
    'COPY bulk /bulk',
    'RUN mkdir /out && cp /bulk /out/made',
    `FROM ${place.base}`,
    'COPY other /other',
    'COPY --from=0 /out /out',
    `COPY ${app} /app`,
  ]
  const files = { other: randomBytes(6_000_000), app: 'old', app2: 'new' }
  await succeed(job('mixed', lines('app'), { files }))
  const changed = await succeed(job('mixed', lines('app2'), { files }))
  expect(came(changed)).toBe('2')
  const image = await place.pull('mixed')
  expect(contentOf(image, 'out/made')).toStrictEqual(bulk)
  expect(contentOf(image, 'other')).toStrictEqual(files.other)
  expect(contentOf(image, 'app').toString()).toBe('new')
})

describe('once more, with every layer whole, is built', () => {
  const ONCE_MORE = '::warning::Cache: building once more with whole layers: '

  test('what a RUN has made of a skeleton', async () => {
    const lines = [BULK, 'ARG X=1', 'RUN cat /bulk > /copy', 'COPY app /srv/app']
    await succeed(job('ran', lines, { files: { app: 'old' } }))
    // No key of a step knows of it.
    const path = buildahWith('--build-arg=X=2')
    const changed = await succeed(job('ran', lines, { files: { app: 'new' }, path }))
    expect(came(changed)).toBe('2')
    expect(warnings(changed)).toStrictEqual([`${ONCE_MORE}RUN ran on layers without file contents`])
    expect(changed.outputs['storage-conf']).not.toBe('')
    const image = await place.pull('ran')
    expect(contentOf(image, 'copy')).toStrictEqual(bulk)
    expect(contentOf(image, 'srv/app').toString()).toBe('new')
  })

  test('what a push has to read, since the registry lacks what it said it has', async () => {
    const lines = [BULK, 'COPY app /srv/app']
    const inputs = { 'cache-scope': 'lies' }
    await succeed(job('lies', lines, { files: { app: 'old' }, inputs }))
    const registry = await startRegistry()
    const lie = { method: 'HEAD', path: /\/blobs\/sha256:/, times: 1, answer: { status: 200 } } as const
    const proxy = await startFlakyProxy(registry.host, [lie])
    try {
      const images = `${place.proxy.host}/acme/lies\n${proxy.host}/acme/lies`
      const changed = await succeed(job('lies', lines, { files: { app: 'new' }, inputs: { ...inputs, images } }))
      expect(came(changed)).toBe('1')
      expect(warnings(changed)).toStrictEqual([expect.stringContaining(ONCE_MORE)])
      expect(stepsOf(changed).hit).toStrictEqual([BULK, BULK])
      const image = await pullImage(`${registry.host}/acme/lies:latest`)
      expect(contentOf(image, 'bulk')).toStrictEqual(bulk)
      expect(contentOf(image, 'srv/app').toString()).toBe('new')
    } finally {
      await proxy.stop()
      await registry.stop()
    }
  })
})

describe('every layer comes back whole', () => {
  exhaustively(test)('where the base has moved', async () => {
    const lines = [BULK, 'COPY app /srv/app']
    const base = await busyboxImage(place.registry, 'base/moving:1')
    const from = (options: JobOptions) =>
      job('moved', [`FROM ${base.replace(place.registry, place.proxy.host)}`, ...lines], options)
    await succeed(from({ files: { app: 'old' } }))
    await succeed(
      place.job('new-base', ['RUN echo new > /new'], {
        inputs: { images: `${place.proxy.host}/base/moving`, tags: '1' },
      }),
    )
    const changed = await succeed(from({ files: { app: 'new' } }))
    expect(came(changed)).toBeUndefined()
    expect(contentOf(await place.pull('moved'), 'new').toString()).toBe('new\n')
  })

  test.each(casesOfSet(['flipped', 'missing'], (_, index) => index === 0))('where the bundle is %s', async (fault) => {
    const lines = [BULK, 'COPY app /srv/app']
    const name = `bundle-${fault}`
    await succeed(job(name, lines, { files: { app: 'old' } }))
    const parts = place.service.entries().flatMap(({ key }) => (key.startsWith('rib1-p-') ? [key] : []))
    const size = (key: string) => place.service.blob(key).length
    const [bundle = ''] = parts.slice(-3).sort((one, other) => size(one) - size(other))
    if (fault === 'missing') place.service.remove(bundle)
    else {
      const bytes = Buffer.from(place.service.blob(bundle))
      bytes.writeUInt8((bytes[bytes.length >> 1] ?? 0) ^ 1, bytes.length >> 1)
      place.service.replace(bundle, bytes)
    }
    const changed = await succeed(job(name, lines, { files: { app: 'new' }, env: { RUNNER_DEBUG: '1' } }))
    expect(changed.log).toContain('restoring all layers whole, since one without contents did not come')
    expect(came(changed)).toBeUndefined()
    expect(stepsOf(changed).hit).toStrictEqual([BULK])
    expect(contentOf(await place.pull(name), 'bulk')).toStrictEqual(bulk)
  })
})

const seed = seedOfSet(10)
const cases = Array.from({ length: isExhaustive ? 300 : 2 }, (_, number) => number)
const big = randomBytes(5_000_000)
const stores = ['github', 'registry', 'directory'] as const

describe('a random build is what it is without a cache', () => {
  let triggering: Promise<unknown> | undefined

  const stepOf = async (number: number, { lines, files }: WrittenBuild, inputs: NonNullable<JobOptions['inputs']>) => {
    const tree = { ...files, Dockerfile: `${lines.join('\n')}\n` }
    const workspace = await makeTree(tree, accountFor('user'))
    for (const [path, bytes] of Object.entries({ bulk, big })) writeFileSync(join(workspace, path), bytes)
    return { ...job(`random-${number}`, [], { inputs }), workspace }
  }

  test.each(cases)(`${seed}/%i`, async (number) => {
    const cache = stores[number % stores.length] ?? 'github'
    const kept = cache === 'directory' ? { 'cache-dir': makeFolder('kept', accountFor('user')) } : {}
    const images = { base: place.base, triggering: `${place.proxy.host}/acme/triggering:latest` }
    const build = randomBuild(diceOf(seed * 1000 + number), { ...images, version: systemVersion() })
    if (build.write('old').lines.includes(`FROM ${images.triggering}`)) await (triggering ??= makeTriggering())
    const step = (variant: Variant, inputs: NonNullable<JobOptions['inputs']> = { cache, ...kept }) =>
      stepOf(number, build.write(variant), { format: build.format, ...inputs })
    const pull = () => place.pull(`random-${number}`)

    // A registry that everybody can read is warned of once.
    await (cache === 'registry' ? runAction : succeed)(await step('old'))
    const old = await pull()
    const changed = await succeed(await step('new'))
    const image = await pull()
    expect(warnings(changed)).toStrictEqual([])
    if (build.readsBulk !== undefined)
      expect(came(changed)).toBe(build.readsBulk || cache === 'directory' ? undefined : '1')
    if (isExhaustive) {
      expect(warnings(await succeed(await step('old')))).toStrictEqual([])
      expect(contentsOf(await pull())).toStrictEqual(contentsOf(old))
    }
    await succeed(await step('new', { cache: 'off' }))
    expect(contentsOf(image)).toStrictEqual(contentsOf(await pull()))
  })

  async function makeTriggering() {
    const lines = ['ONBUILD COPY onbuild /onbuild', 'ONBUILD RUN cat /onbuild > /triggered']
    await succeed(place.job('triggering', lines, { inputs: { format: 'docker', cache: 'off' } }))
  }
})
