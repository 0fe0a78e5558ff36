import { expect, jest } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { fail, succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { contentOf } from '../harness/image-content.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { likeHostedRunner } from '../harness/surroundings.js'
import { exhaustively } from '../harness/test-set.js'
import { countHits, expectHit, statsOf } from '../harness/warm-steps.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(180_000)

const place = await useWarmPlace()
const random = 'cat /proc/sys/kernel/random/uuid'

/** A RUN that ends only while one with the other name runs, and gives up after a minute. */
const meeting = (own: string, other: string): string =>
  `RUN --mount=type=cache,target=/meet touch /meet/${own} && timeout 60 sh -c "until [ -e /meet/${other} ]; do sleep 0.1; done"`

describeEngines('stages that are independent, with $name', ({ name, version, wish, testEach, testOne }) => {
  const scope = (what: string): string => `${what}-${name.replaceAll(/\W+/g, '-').toLowerCase()}`
  // Below, a RUN under chroot isolation reaches the files of another one.
  const isConfined = !lt(version, '1.39.0')
  const isolation = isConfined ? 'chroot' : 'rootless'
  const job = (what: string, lines: readonly string[], inputs: Readonly<Record<string, string>> = {}) =>
    place.job(
      scope(what),
      lines,
      { inputs: { isolation, ...inputs }, ...(!isConfined && { within: likeHostedRunner }) },
      wish(),
    )

  // A machine like a hosted one can only be had by root.
  const inPlace = (test: typeof testEach) => (isConfined || rootReason === undefined ? test : testUnless(rootReason))

  // In the ordinary set, the unit tests of jobs.ts have this decision.
  if (!isConfined)
    exhaustively(testOne)(
      'are built one after the other below 1.39 under chroot isolation, which the log says',
      async () => {
        const lines = ['RUN echo a >/a', `FROM ${place.base}`, 'RUN echo b >/b', 'COPY --from=0 /a /a']
        const { log } = await succeed(job('one', lines, { jobs: '4', isolation: 'chroot' }))
        expect(log).toContain(
          `Jobs: one stage at a time with Buildah ${version}: below 1.39.0, a RUN step under chroot`,
        )
        expect(log).not.toContain('--jobs')
      },
    )

  inPlace(testEach)('are built at once, and each of their steps is there the next time', async () => {
    const lines = [
      `${meeting('a', 'b')} && printf 'no line break'`,
      `RUN ${random} >/a`,
      `FROM ${place.base} AS b`,
      `${meeting('b', 'a')} && ${random} >/b`,
      `FROM ${place.base}`,
      'COPY --from=0 /a /a',
      'COPY --from=b /b /b',
      `RUN ${random} >/own`,
    ]
    const cold = await succeed(job('at-once', lines))
    expect(cold.log).toMatch(/^Jobs: up to 2 stages are built at once/m)
    const first = await place.pull(scope('at-once'))
    const warm = await succeed(job('at-once', lines))
    expectHit(warm, 'full')
    expect(statsOf(warm)).toMatchObject({ 'steps-hit': 6, 'steps-missed': 0 })
    const again = await place.pull(scope('at-once'))
    for (const path of ['a', 'b', 'own']) expect(contentOf(again, path)).toStrictEqual(contentOf(first, path))
  })

  inPlace(testOne)('keep what has worked when one of them fails, and the error is at its line', async () => {
    const lines = (end: string): string[] => [
      `RUN ${random} >/a`,
      `FROM ${place.base} AS b`,
      'RUN echo b >/b',
      // By then, the other stage has ended.
      'COPY --from=0 /a /a',
      `RUN ${end}`,
      `FROM ${place.base}`,
      'COPY --from=0 /a /a',
      'COPY --from=b /b /b',
    ]
    const broken = await fail(job('fails', lines('exit 3')))
    expect(broken.error).toContain('The build failed.')
    expect(broken.log).toMatch(/^::error [^:]*file=Dockerfile,line=6\b/m)
    const fixed = await succeed(job('fails', lines('true')))
    // The last stage may have come to its first step as well.
    expect(countHits(fixed)).toBeGreaterThanOrEqual(3)
  })
})
