import { expect, jest } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { dockerReason } from '../harness/docker-daemon.js'
import { contentOf } from '../harness/image-content.js'
import { testUnless } from '../harness/skipping.js'
import { useDocker } from '../harness/use-docker.js'
import { useWarmPlace } from '../harness/use-warm-place.js'
import { stepsOf } from '../harness/warm-steps.js'

jest.setTimeout(300_000)

const place = await useWarmPlace()
const docker = await useDocker()

const LINES = [
  'COPY one /srv/one',
  'ARG SOURCE_DATE_EPOCH',
  'RUN mkdir /srv/two && echo $SOURCE_DATE_EPOCH >/srv/two/time',
]
const CREATED = 'org.opencontainers.image.created'

describeEngines('with $name', ({ version, wish, testEach, testOne }) => {
  const name = `timed-${version.replaceAll('.', '-')}`
  const job = (inputs: Record<string, string>, commitDate = '2026-11-01T00:00:00Z') =>
    place.job(
      name,
      LINES,
      // Each has its files anew, with the times of now.
      { files: { one: '1' }, inputs, event: { name: 'push', payload: { head_commit: { timestamp: commitDate } } } },
      wish(),
    )

  testEach('a fixed time gives one digest with and without the cache', async () => {
    const first = await succeed(job({ timestamp: '1700000000' }))
    const image = await place.pull(name)
    expect(image.config.created).toBe('2023-11-14T22:13:20Z')
    expect(image.config.config?.Labels).toMatchObject({ [CREATED]: '2023-11-14T22:13:20.000Z' })
    expect(contentOf(image, 'srv/two/time').toString()).toBe('1700000000\n')
    const second = await succeed(job({ timestamp: '1700000000', 'build-args': 'SOURCE_DATE_EPOCH=5', cache: 'off' }))
    const third = await succeed(job({ timestamp: '1700000000' }))
    expect(stepsOf(third).ran).toStrictEqual([])
    const digests = [first, second, third].map(({ outputs }) => outputs['digest'])
    expect(digests).toStrictEqual([image.digest, image.digest, image.digest])
  })

  testOne(
    'an image that another commit leaves as it is keeps its time, and one that is built gets another',
    async () => {
      const inputs = { timestamp: 'commit', unchanged: 'skip', tags: 'commit' }
      const first = await succeed(job(inputs))
      const same = await succeed(job(inputs, '2026-11-02T00:00:00Z'))
      expect(same.outputs).toMatchObject({ built: 'false', digest: first.outputs['digest'] })
      const built = await succeed(job({ ...inputs, unchanged: 'build' }, '2026-11-02T00:00:00Z'))
      expect(built.log).toContain('Timestamp: the image and its files are of 2026-11-02T00:00:00Z (the commit)\n')
      expect(stepsOf(built).hit).toStrictEqual([])
      expect(built.outputs['labels']).toContain(`${CREATED}=2026-11-02T00:00:00.000Z`)
    },
  )
})

testUnless(dockerReason())('Docker gives one digest, and one image whether it is tested or not', async () => {
  const job = (inputs: Record<string, string>) =>
    place.job('timed-docker', LINES, {
      ...{ files: { one: '1' }, as: 'root', env: docker.environment('buildx') },
      inputs: { engine: 'docker', cache: 'off', timestamp: 'epoch', 'no-cache': 'true', ...inputs },
    })
  const first = await succeed(job({}))
  const second = await succeed(job({}))
  expect(second.outputs['digest']).toBe(first.outputs['digest'])
  const tested = await succeed(job({ test: 'test -e /srv/one' }))
  expect(tested.outputs['imageid']).toBe(first.outputs['imageid'])
  expect((await place.pull('timed-docker')).config.created).toBe('1970-01-01T00:00:00Z')
})
