import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, jest } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { dockerReason, type DockerWay } from '../harness/docker-daemon.js'
import { imageFiles, pullImage } from '../harness/images.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useDocker } from '../harness/use-docker.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(300_000)

const place = await useWarmPlace()
const docker = await useDocker()

function job(way: DockerWay, name: string, inputs: Record<string, string>): StepOptions {
  return place.job(name, ['COPY one /srv/one'], {
    ...{ files: { one: '1' }, as: 'root', env: docker.environment(way) },
    inputs: { engine: 'docker', cache: 'off', push: 'false', ...inputs },
  })
}

const inStore = async (reference: string) =>
  (await docker.run('image', 'inspect', '--format', '{{.Id}}', reference)).trim()

describe('what a builder of its own gives out', () => {
  const testBuildx = testUnless(dockerReason('buildx'))

  testBuildx('archives and files', async () => {
    const outputs =
      'type=oci,dest=out/oci.tar\ntype=docker,dest=docker.tar\ntype=tar,dest=files.tar\ntype=local,dest=files'
    const step = await succeed(job('buildx', 'outputs', { outputs }))
    const archives = await Promise.all([
      pullImage(`oci-archive:${join(step.workspace, 'out/oci.tar')}`),
      pullImage(`docker-archive:${join(step.workspace, 'docker.tar')}`),
    ])
    for (const image of archives) expect(imageFiles(image).get('srv/one')).toMatchObject({ type: 'file', size: 1 })
    expect(archives[0].manifest.config.digest).toBe(step.outputs['imageid'])
    expect(readFileSync(join(step.workspace, 'files/srv/one'), 'utf8')).toBe('1')
    expect(statSync(join(step.workspace, 'files.tar')).size).toBeGreaterThan(1000)
  })

  exhaustively(testBuildx)('the image, into the storage of Docker', async () => {
    const { outputs } = await succeed(job('buildx', 'loaded', { load: 'true', tags: 'one\ntwo' }))
    const ids = [
      await inStore(`${place.proxy.host}/acme/loaded:one`),
      await inStore(`${place.proxy.host}/acme/loaded:two`),
    ]
    expect(ids[0]).toMatch(/^sha256:/)
    expect(ids[1]).toBe(ids[0])
    expect(outputs['digest']).toBe('')
  })

  exhaustively(testBuildx)('annotations, where the image has its own and where it has the default ones', async () => {
    await succeed(job('buildx', 'annotated', { push: 'true', annotations: 'org.acme.team=web, and "more"' }))
    const { manifest } = await place.pull('annotated')
    expect(manifest.annotations).toMatchObject({
      'org.acme.team': 'web, and "more"',
      'org.opencontainers.image.title': 'web',
    })
    await succeed(job('buildx', 'annotated', { push: 'true' }))
    expect((await place.pull('annotated')).manifest.annotations).toHaveProperty(
      ['org.opencontainers.image.title'],
      'web',
    )
  })

  exhaustively(testBuildx)('Docker’s format, where it is asked for', async () => {
    await succeed(job('buildx', 'format', { push: 'true', format: 'docker' }))
    expect((await place.pull('format')).manifest.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json')
  })
})

const daemons = casesOfSet<DockerWay>(['docker-build', 'classic'], (way) => way === 'classic')

describe.each(daemons)('what the daemon gives out with %s', (way) => {
  testUnless(dockerReason(way))('an archive, and the image under its references', async () => {
    const step = await succeed(job(way, `saved-${way}`, { outputs: 'type=docker,dest=out/docker.tar', load: 'true' }))
    const image = await pullImage(`docker-archive:${join(step.workspace, 'out/docker.tar')}`)
    expect(imageFiles(image).get('srv/one')).toMatchObject({ type: 'file', size: 1 })
    expect(await inStore(`${place.proxy.host}/acme/saved-${way}:latest`)).toBe(step.outputs['imageid'])
  })
})

const ways = casesOfSet<DockerWay>(
  ['buildx', 'buildx-docker', 'docker-build', 'classic'],
  (way) => way === 'docker-build',
)

// What Docker's own client says of an image; a builder elsewhere tells no size.
describe.each(ways)('the summary with %s', (way) => {
  testUnless(dockerReason(way))('has the size of what was built, where the builder tells it', async () => {
    const name = `sized-${way}`
    const lines = ['COPY one /srv/one', 'RUN head -c 3000000 /dev/urandom > /srv/big', 'RUN true', 'ENV ONE=1']
    const { summary } = await succeed(
      place.job(name, lines, {
        ...{ files: { one: '1' }, as: 'root', env: docker.environment(way) },
        inputs: { engine: 'docker', cache: 'off' },
      }),
    )
    expect(summary).toContain(`/acme/${name}@sha256:`)
    const size = /^- \*\*Size:\*\* (.*)$/m.exec(summary)?.[1]
    if (way === 'buildx') expect(size).toBeUndefined()
    else {
      const { length } = (await place.pull(name)).manifest.layers
      expect(length).toBeGreaterThanOrEqual(3)
      // Busybox alone is 2 MB.
      expect(size).toMatch(new RegExp(`^[4-6]\\.\\d MB in ${length} layers, not compressed$`))
    }
  })
})
