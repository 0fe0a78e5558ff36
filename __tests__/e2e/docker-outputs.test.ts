import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
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

function job(mode: DockerWay, name: string, inputs: Record<string, string>): StepOptions {
  return place.job(name, ['COPY one /srv/one'], {
    ...{ files: { one: '1' }, as: 'root', env: docker.environment(mode) },
    inputs: { engine: 'docker', cache: 'off', push: 'false', ...inputs },
  })
}

const inStore = async (reference: string) =>
  (await docker.run('image', 'inspect', '--format', '{{.Id}}', reference)).trim()

describe('what a builder of its own gives out', () => {
  const testBuildx = testUnless(dockerReason())

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

  testBuildx('the image, into the storage of Docker', async () => {
    const { outputs } = await succeed(job('buildx', 'loaded', { load: 'true', tags: 'one\ntwo' }))
    const ids = [
      await inStore(`${place.proxy.host}/acme/loaded:one`),
      await inStore(`${place.proxy.host}/acme/loaded:two`),
    ]
    expect(ids[0]).toMatch(/^sha256:/)
    expect(ids[1]).toBe(ids[0])
    expect(ids[0]).toBe(outputs['imageid'])
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

const testDocker = testUnless(dockerReason())

describe('what the daemon gives out', () => {
  testDocker('an archive, files, and the image under its references', async () => {
    const outputs = 'type=docker,dest=out/docker.tar\ntype=local,dest=files\ntype=tar,dest=files.tar'
    const step = await succeed(job('buildx-docker', 'saved', { outputs, load: 'true' }))
    const image = await pullImage(`docker-archive:${join(step.workspace, 'out/docker.tar')}`)
    expect(imageFiles(image).get('srv/one')).toMatchObject({ type: 'file', size: 1 })
    expect(readFileSync(join(step.workspace, 'files/srv/one'), 'utf8')).toBe('1')
    expect(statSync(join(step.workspace, 'files.tar')).size).toBeGreaterThan(1000)
    expect(await inStore(`${place.proxy.host}/acme/saved:latest`)).toBe(step.outputs['imageid'])
    // Nothing of the way there is left.
    expect(await docker.run('images', '--quiet', 'rootless-image-build/files')).toBe('')
  })
})

const ways = casesOfSet<DockerWay>(['buildx', 'buildx-docker'], (mode) => mode === 'buildx-docker')

describe.each<DockerWay>(['buildx', 'buildx-docker'])('all results are those of one build with %s:', (mode) => {
  // What a further build would take for another one: its own outputs lie in the context.
  const Dockerfile = 'COPY . /c'
  const outputs = 'type=docker,dest=web.tar\ntype=local,dest=rootfs'

  testDocker('outputs that lie in the context', async () => {
    const step = await succeed(
      place.job(`one-build-${mode}`, [Dockerfile], {
        ...{ files: { one: '1' }, as: 'root', env: docker.environment(mode) },
        inputs: { engine: 'docker', cache: 'off', outputs, load: 'true' },
      }),
    )
    const pushed = await place.pull(`one-build-${mode}`)
    const archive = await pullImage(`docker-archive:${join(step.workspace, 'web.tar')}`)
    for (const image of [pushed, archive]) {
      const inContext = [...imageFiles(image).keys()].filter((path) => path.startsWith('c/'))
      expect(inContext.sort()).toStrictEqual(['c/Dockerfile', 'c/one'])
      expect(image.manifest.config.digest).toBe(step.outputs['imageid'])
    }
    expect(readdirSync(join(step.workspace, 'rootfs/c')).sort()).toStrictEqual(['Dockerfile', 'one'])
    expect(await inStore(`${place.proxy.host}/acme/one-build-${mode}:latest`)).toBe(step.outputs['imageid'])
    expect(step.outputs['digest']).toBe(pushed.digest)
  })
})

testDocker('a base that is a folder of the workspace is pushed as it was built', async () => {
  const { outputs } = await succeed({
    ...job('buildx', 'from-folder', { push: 'true', 'build-contexts': 'base=rootfs' }),
    workspace: { Dockerfile: 'FROM base\nCOPY one /one\n', one: '1', 'rootfs/two': '2' },
  })
  expect(outputs['digest']).toBe((await place.pull('from-folder')).digest)
})

exhaustively(testDocker)('what is downloaded, and is another file each time, is pushed as it was built', async () => {
  let asked = 0
  const server = createServer((_, response) => {
    asked += 1
    response.end(`answer ${asked}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const { outputs } = await succeed({
      ...job('buildx', 'downloaded', { push: 'true', outputs: 'type=local,dest=files' }),
      workspace: { Dockerfile: `FROM scratch\nADD http://127.0.0.1:${port}/file /file\n` },
    })
    expect(outputs['digest']).toBe((await place.pull('downloaded')).digest)
  } finally {
    server.close()
  }
})

// What Docker's own client says of an image; a builder elsewhere tells no size.
describe.each(ways)('the summary with %s', (mode) => {
  testDocker('has the size of what was built, where the builder tells it', async () => {
    const name = `sized-${mode}`
    const lines = ['COPY one /srv/one', 'RUN head -c 3000000 /dev/urandom > /srv/big', 'RUN true', 'ENV ONE=1']
    const { summary } = await succeed(
      place.job(name, lines, {
        ...{ files: { one: '1' }, as: 'root', env: docker.environment(mode) },
        inputs: { engine: 'docker', cache: 'off' },
      }),
    )
    expect(summary).toContain(`/acme/${name}@sha256:`)
    const size = /^- \*\*Size:\*\* (.*)$/m.exec(summary)?.[1]
    if (mode === 'buildx') expect(size).toBeUndefined()
    else {
      const { length } = (await place.pull(name)).manifest.layers
      expect(length).toBeGreaterThanOrEqual(3)
      // Busybox alone is 2 MB.
      expect(size).toMatch(new RegExp(`^[4-6]\\.\\d MB in ${length} layers, uncompressed$`))
    }
  })
})
