import { expect, jest } from '@jest/globals'

import { tinyProgram } from '../../src/engine/buildah/emulation/programs.js'
import { accountFor } from '../harness/account.js'
import { succeed } from '../harness/clean-step.js'
import { describeEngines } from '../harness/describe-engines.js'
import { makeWorkspace } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { missingBuildx } from '../harness/imagetools.js'
import { pullImage } from '../harness/images.js'
import { indexOfPlatforms, machineOf, ownArchitecture } from '../harness/platform-images.js'
import { readByBuildx, readPlatforms } from '../harness/read-index.js'
import { testUnless } from '../harness/skipping.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const { registry, base } = await useRegistry()
const names = ['linux/amd64', 'linux/arm64', 'linux/arm/v7']
const all = await indexOfPlatforms(
  base,
  'all',
  names.filter((name) => name !== `linux/${ownArchitecture()}`),
)

const dockerfile = `FROM ${all}
ARG TARGETARCH
ARG TARGETVARIANT
COPY app-$TARGETARCH$TARGETVARIANT /app
ENV BUILT_FOR=$TARGETARCH/$TARGETVARIANT
ENTRYPOINT ["/app"]
`
const program = (architecture: 'amd64' | 'arm64' | 'arm') => ({ content: tinyProgram(architecture), mode: 0o755 })
const files = { 'app-amd64': program('amd64'), 'app-arm64': program('arm64'), 'app-armv7': program('arm') }
const readable = `${registry.host}/acme/readable:1`

describeEngines('with $name', ({ wish, version, testOne, onlyOne }) => {
  const images = `${registry.host}/acme/programs-${version}`
  const build = async (inputs: Readonly<Record<string, string>>) => {
    const { inputs: wished, ...engine } = wish()
    const place = { push: 'true', 'tls-verify': 'false', engine: 'buildah', cache: 'off' }
    const workspace = makeWorkspace({ Dockerfile: dockerfile, ...files }, accountFor('user'))
    const { outputs } = await succeed({
      ...engine,
      workspace,
      inputs: { ...place, platforms: names.join(','), ...wished, ...inputs },
    })
    return JSON.parse(outputs['platform-digests'] ?? '') as Record<string, string>
  }

  testOne('each image of one Dockerfile has programs of its own processor, the base image’s as well', async () => {
    const digests = await build({ images })
    expect(Object.keys(digests)).toStrictEqual(names)
    for (const [name, digest] of Object.entries(digests)) {
      const [, architecture = '', variant = ''] = name.split('/')
      const image = await pullImage(`${images}@${digest}`)
      const found = ['app', 'bin/busybox'].map((path) => machineOf(contentOf(image, path)))
      expect([name, ...found]).toStrictEqual([name, architecture, architecture])
      expect(image.config).toMatchObject({ os: 'linux', architecture, ...(variant !== '' && { variant }) })
      expect(image.config.config?.Env).toContain(`BUILT_FOR=${architecture}/${variant}`)
    }
  })

  onlyOne(testUnless(missingBuildx()))('skopeo, Buildah and Buildx read the index', async () => {
    const digests = await build({ images: readable.replace(/:1$/, ''), tags: '1' })
    expect(await readPlatforms(readable, names)).toStrictEqual({ skopeo: names, buildah: names })
    expect(await readByBuildx(readable)).toStrictEqual(digests)
  })
})
