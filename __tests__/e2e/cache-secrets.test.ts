import { expect, jest } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { contentOf } from '../harness/image-content.js'
import { imageContains } from '../harness/images.js'
import { type SeenProcess, watchProcesses } from '../harness/process-watch.js'
import type { StepOptions } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { expectHit } from '../harness/warm-steps.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(180_000)

const place = await useWarmPlace()

/** It looks at its own environment and at that of all processes it can see, which with some isolations are the machine's. */
const lines = [
  "RUN env > /env && for file in /proc/[0-9]*/environ; do tr '\\0' '\\n' < $file >> /environments 2> /dev/null; done; true",
  'RUN echo seen > /seen && sleep 0.4',
]

/** Builds cold and warm, and holds that what the runner tells of the cache service is with no program of the build. */
async function expectHidden(step: StepOptions): Promise<void> {
  const token = step.env?.['ACTIONS_RUNTIME_TOKEN'] ?? ''
  expect(token.length).toBeGreaterThan(20)
  for (const hit of ['none', 'full'] as const) {
    const { result, seen } = await watchProcesses(() => succeed(step))
    expectHit(result, hit)
    expect(seen.filter(speaksToService)).not.toStrictEqual([])
    const others = seen.filter((one) => isOfBuild(one))
    expect(others.filter(({ argv }) => argv.includes('build')).length).toBeGreaterThan(0)
    expect(others.filter(({ environment }) => /ACTIONS_/.test(environment)).map(({ argv }) => argv)).toStrictEqual([])
    expect(seen.filter(({ argv }) => argv.join(' ').includes(token))).toStrictEqual([])
    const shown = [result.log, result.post?.log, result.summary, JSON.stringify([result.state, result.outputs])]
    expect(shown.filter((text) => text?.includes(token))).toStrictEqual([])
  }
  const image = await place.pull(step.inputs['images']?.split('/').at(-1) ?? '')
  expect(contentOf(image, 'env').toString()).toMatch(/^PATH=/m)
  for (const text of ['ACTIONS_', token]) expect(imageContains(image, text)).toBe(false)
  const entries = place.service.entries().map(({ key }) => place.service.blob(key))
  expect(entries.filter((bytes) => bytes.includes(token))).toStrictEqual([])
}

/** The process that has the token: the only one that may. */
function speaksToService({ argv, environment }: SeenProcess): boolean {
  return (
    argv.some((word) => word.endsWith('dist/cache-worker/index.js')) && environment.includes('ACTIONS_RUNTIME_TOKEN=')
  )
}

/** Buildah, and what it starts. */
function isOfBuild({ argv }: SeenProcess): boolean {
  return /(^|\/)(buildah|buildah-\S+|crun|runc)$/.test(argv[0] ?? '') || argv.join(' ').includes('echo seen')
}

describeEngines('with $name', ({ missing, version, wish, testOne, onlyOne }) => {
  testOne('neither Buildah nor a RUN step sees the way to the cache service', async () => {
    await expectHidden(place.job(`hidden-${version}`, lines, {}, wish()))
  })

  onlyOne(testUnless(missing ?? rootReason))('nor as root, who hands over to an account', async () => {
    await expectHidden(place.job(`hidden-root-${version}`, lines, { as: 'root' }, wish()))
  })
})
