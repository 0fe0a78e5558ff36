import { join } from 'node:path'

import { describe, expect, jest, test } from '@jest/globals'
import lt from 'semver/functions/lt.js'

import { fail, succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { dockerReason } from '../harness/docker-daemon.js'
import { pullImage } from '../harness/images.js'
import { testUnless } from '../harness/skipping.js'
import { useDocker } from '../harness/use-docker.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(300_000)

const place = await useWarmPlace()
const docker = await useDocker()

const LINES = ['COPY one /srv/one']
const ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd'
const GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip'

/** The media types of the layers of an image, its base's before its own. */
async function layersOf(name: string): Promise<readonly string[]> {
  return (await place.pull(name)).manifest.layers.map(({ mediaType }) => mediaType)
}

describeEngines('with $name', ({ version, wish, testEach }) => {
  const name = `zstd-${version.replaceAll('.', '-')}`
  const job = (inputs: Record<string, string>) =>
    place.job(name, LINES, { files: { one: '1' }, inputs: { compression: 'zstd', ...inputs } }, wish())

  if (lt(version, '1.32.0')) {
    testEach('it is refused, since what is gzip would stay so', async () => {
      const { error } = await fail(job({ engine: 'buildah' }))
      expect(error).toContain('input "compression" needs Buildah 1.32.0')
    })
    return
  }

  testEach('new layers are zstd, and by force all of them', async () => {
    const step = await succeed(job({ 'compression-level': '3', outputs: 'type=oci,dest=web.tar' }))
    expect((await layersOf(name)).at(-1)).toBe(ZSTD)
    const { manifest } = await pullImage(`oci-archive:${join(step.workspace, 'web.tar')}`)
    expect(manifest.layers.at(-1)?.mediaType).toBe(ZSTD)
    await succeed(job({ 'force-compression': 'true' }))
    expect(new Set(await layersOf(name))).toStrictEqual(new Set([ZSTD]))
  })
})

test('an image in Docker’s format has no zstd layers', async () => {
  const { error } = await fail(place.job('healthy', ['HEALTHCHECK CMD true'], { inputs: { compression: 'zstd' } }))
  expect(error).toMatch(
    /^Input "compression" can't be honoured: .* HEALTHCHECK in line 2 .*, and only oci has zstd layers/,
  )
})

describe('Docker', () => {
  testUnless(dockerReason())('makes new layers zstd, and by force all of them, tested or not', async () => {
    const job = (inputs: Record<string, string>) =>
      place.job('zstd-docker', LINES, {
        ...{ files: { one: '1' }, as: 'root', env: docker.environment('buildx') },
        inputs: { engine: 'docker', cache: 'off', compression: 'zstd', ...inputs },
      })
    await succeed(job({ test: 'test -e /srv/one' }))
    expect(await layersOf('zstd-docker')).toStrictEqual([GZIP, ZSTD])
    await succeed(job({ 'force-compression': 'true' }))
    expect(await layersOf('zstd-docker')).toStrictEqual([ZSTD, ZSTD])
  })
})
