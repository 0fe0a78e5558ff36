import { expect, jest, test } from '@jest/globals'

import { succeed } from '../harness/clean-step.js'
import { imageFiles, pullImage, type PulledImage } from '../harness/images.js'
import { elfHeader, indexOfPlatforms, ownArchitecture, readIndex } from '../harness/platform-images.js'
import { digestOf, getManifest } from '../harness/registry-client.js'
import type { StepOptions } from '../harness/runner.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const { registry, base } = await useRegistry()
const own = `linux/${ownArchitecture()}`
const foreign = own === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64'
const both = await indexOfPlatforms(base, 'both', [foreign])

const step = (workspace: Record<string, string>, inputs: Record<string, string> = {}): StepOptions => ({
  workspace,
  inputs: { images: `${registry.host}/acme/web`, push: 'true', 'tls-verify': 'false', cache: 'off', ...inputs },
})

const pulled = (digest: string) => pullImage(`${registry.host}/acme/web@${digest}`)
const shaOf = (image: PulledImage, path: string) => imageFiles(image).get(path)?.sha256

test('two platforms of one Dockerfile are one index, each with its own base and arguments', async () => {
  const dockerfile = `FROM ${both}
ARG TARGETPLATFORM
ARG TARGETARCH
COPY $TARGETARCH /app
ENV BUILT_FOR=$TARGETPLATFORM
`
  const workspace = { Dockerfile: dockerfile, amd64: 'for amd64', arm64: 'for arm64' }
  const { outputs } = await succeed(step(workspace, { platforms: `${foreign},${own}`, tags: '1\n2' }))
  const [first, second] = [
    await getManifest(`${registry.host}/acme/web:1`),
    await getManifest(`${registry.host}/acme/web:2`),
  ]
  expect(second.bytes).toStrictEqual(first.bytes)
  expect(outputs['digest']).toBe(digestOf(first.bytes))
  const { manifests } = readIndex(first.bytes)
  expect(manifests.map(({ platform: { os, architecture } }) => `${os}/${architecture}`)).toStrictEqual([foreign, own])
  for (const { digest, platform } of manifests) {
    const image = await pulled(digest)
    const name = `linux/${platform.architecture}`
    expect(image.config).toMatchObject({ os: 'linux', architecture: platform.architecture })
    expect(image.config.config?.Env).toContain(`BUILT_FOR=${name}`)
    expect(shaOf(image, 'app')).toBe(digestOf(Buffer.from(`for ${platform.architecture}`)).slice('sha256:'.length))
  }
  const other = await pulled(manifests[0]?.digest ?? '')
  expect(shaOf(other, 'bin/busybox')).toBe(digestOf(elfHeader(foreign.replace('linux/', ''))).slice('sha256:'.length))
  expect(JSON.parse(outputs['platform-digests'] ?? '')).toStrictEqual(
    Object.fromEntries(manifests.map(({ digest, platform }) => [`linux/${platform.architecture}`, digest])),
  )
  expect(outputs['imageid']).toBe('')
})
