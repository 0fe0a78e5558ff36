import { describe, expect, jest } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { dockerReason, type DockerWay } from '../harness/docker-daemon.js'
import { contentOf } from '../harness/image-content.js'
import { imageFiles } from '../harness/images.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { exhaustively, isExhaustive } from '../harness/test-set.js'
import { expectHit, type JobOptions, statsOf, warnings } from '../harness/warm-steps.js'
import { useDocker } from '../harness/use-docker.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(300_000)

const random = 'cat /proc/sys/kernel/random/uuid'

const place = await useWarmPlace()
const docker = await useDocker()

// A builder of its own, as docker/setup-buildx-action makes it, and the daemon's.
const ways: readonly DockerWay[] = ['buildx', 'buildx-docker']

describe.each(ways)('with %s', (mode) => {
  const testDocker = testUnless(dockerReason())
  /** A test that in the ordinary set is one of this way alone. */
  const testOf = (one: DockerWay) => (mode === one ? testDocker : exhaustively(testDocker))
  const job = (name: string, lines: readonly string[], options: JobOptions = {}): StepOptions =>
    place.job(`${name}-${mode}`, lines, {
      ...options,
      as: 'root',
      env: { ...docker.environment(mode), ...options.env },
      inputs: { engine: 'docker', ...options.inputs },
    })

  testDocker('cold, warm on a machine that nobody has used, and with another file', async () => {
    const lines = ['COPY one /srv/one', `RUN ${random} > /srv/id`, 'COPY two /srv/two', 'CMD ["/bin/true"]']
    const step = job('steps', lines, { files: { one: '1', two: '2' } })
    await docker.renew()
    const cold = await succeed(step)
    expectHit(cold, 'none')
    expect(cold.outputs).toMatchObject({ engine: 'docker', rootless: 'false', 'storage-conf': '' })
    const first = await place.pull(`steps-${mode}`)
    expect(cold.outputs['digest']).toBe(first.digest)

    // In the ordinary set, of one way.
    if (isExhaustive || mode === 'buildx') {
      await docker.renew()
      const warm = await succeed(step)
      expectHit(warm, 'full')
      expect(warm.outputs['imageid']).toBe(cold.outputs['imageid'])
      // The daemon packs layers anew that it was handed as an archive, the base's among them.
      if (mode === 'buildx') expect(warm.outputs['digest']).toBe(cold.outputs['digest'])
      expect(warnings(warm)).toStrictEqual([])
    }

    await docker.renew()
    const changed = await succeed({ ...step, workspace: { ...(step.workspace as object), two: '22' } })
    expectHit(changed, 'partial')
    expect(statsOf(changed)).toMatchObject({ 'steps-missed': 1 })
    const second = await place.pull(`steps-${mode}`)
    expect(second.config.rootfs.diff_ids.slice(0, 3)).toStrictEqual(first.config.rootfs.diff_ids.slice(0, 3))
  })

  testOf('buildx')('with its cache in a registry', async () => {
    const lines = [`RUN ${random} > /id`, 'COPY one /srv/one']
    const step = job('remote', lines, { files: { one: '1' }, inputs: { cache: 'registry' } })
    await docker.renew()
    const cold = await succeed(step)
    expectHit(cold, 'none')
    await docker.renew()
    const warm = await succeed(step)
    expectHit(warm, 'full')
    expect(warm.outputs['imageid']).toBe(cold.outputs['imageid'])
    expect(warnings(warm)).toStrictEqual([])
  })

  testOf('buildx-docker')('a base image whose tag has moved is seen, however it is named', async () => {
    const { host } = place.proxy
    const step: StepOptions = {
      ...job('moved', [], { inputs: { cache: 'off' } }),
      workspace: {
        Dockerfile: [
          ...['ARG V=1', `ARG IMG=${host}/base/moving:$V`, 'FROM $IMG AS first', 'RUN cp /word /first'],
          ...[`FROM ${host}/base/moving:\${NONE:-2}`, 'RUN cp /word /second'],
          `RUN --mount=type=bind,from=${host}/base/moving:3,target=/m cp /m/word /third`,
          'COPY --from=first /first /',
        ].join('\n'),
      },
    }
    const words = async (word: string) => {
      await succeed(
        place.job('moving', [`RUN echo ${word} > /word`], {
          inputs: { images: `${host}/base/moving`, tags: '1\n2\n3', cache: 'off' },
        }),
      )
      await succeed(step)
      const image = await place.pull(`moved-${mode}`)
      return ['first', 'second', 'third'].map((name) => contentOf(image, name).toString().trim())
    }
    await docker.renew()
    expect(await words('old')).toStrictEqual(['old', 'old', 'old'])
    // The daemon has each under its name then.
    for (const tag of ['1', '2', '3']) await docker.run('pull', '--quiet', `${host}/base/moving:${tag}`)
    expect(await words('new')).toStrictEqual(['new', 'new', 'new'])
  })

  exhaustively(testDocker)('a base image that only the daemon has is built on', async () => {
    if (mode === 'buildx') return
    await docker.load(`docker://${place.registry}/base/busybox:1`, 'acme/only-here:1')
    const Dockerfile = `FROM acme/only-here:1\nCOPY --from=${place.base} /bin/busybox /b\n`
    const { outputs } = await succeed({ ...job('only-here', []), workspace: { Dockerfile } })
    expect(outputs['imageid']).toMatch(/^sha256:/)
  })

  exhaustively(testDocker)('a step with other addresses of the same hosts is made anew', async () => {
    const hosts = async (address: string) => {
      const inputs = { 'add-hosts': `db.acme:${address}` }
      const step = await succeed(job('hosts', ['RUN grep -h db.acme /etc/hosts > /hosts'], { inputs }))
      const seen = contentOf(await place.pull(`hosts-${mode}`), 'hosts').toString()
      return { address: seen.split(/\s/)[0], hit: step.outputs['cache-hit'] }
    }
    await docker.renew()
    expect(await hosts('10.0.0.1')).toStrictEqual({ address: '10.0.0.1', hit: 'none' })
    expect(await hosts('10.0.0.2')).toStrictEqual({ address: '10.0.0.2', hit: 'none' })
    expect((await hosts('10.0.0.2')).hit).not.toBe('none')
  })

  testDocker('a .containerignore counts, as it does with Buildah', async () => {
    const files = { '.containerignore': 'two\n', '.dockerignore': 'one\n', one: '1', two: '2' }
    await succeed(job('ignored', ['COPY . /srv'], { files }))
    const image = await place.pull(`ignored-${mode}`)
    expect([...imageFiles(image).keys()].filter((path) => /^srv\/(one|two)$/.test(path))).toStrictEqual(['srv/one'])
  })
})
