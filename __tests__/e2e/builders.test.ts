import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals'

import { startCacheService } from '../harness/cache-service.js'
import { fail, succeed } from '../harness/clean-step.js'
import { type ContainerBuilder, startContainerBuilder } from '../harness/container-builder.js'
import { dockerReason } from '../harness/docker-daemon.js'
import { makeWorkspace } from '../harness/folders.js'
import { imagetools, manifestsOf } from '../harness/imagetools.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import { architecture } from '../harness/oci-layout.js'
import { readIndex } from '../harness/platform-images.js'
import { digestOf, getManifest, withSettings } from '../harness/registry-client.js'
import { type RemoteBuilders, startRemoteBuilders } from '../harness/remote-builders.js'
import { testUnless } from '../harness/skipping.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const foreign = architecture === 'arm64' ? 'amd64' : 'arm64'
const reason = dockerReason()
const { registry, base } = await useRegistry()
const testBuilders = testUnless(reason)

let builders: RemoteBuilders | undefined
if (reason === undefined)
  beforeAll(async () => {
    builders = await startRemoteBuilders(`linux/${foreign}`)
  })
afterAll(() => builders?.stop())

const files = {
  Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /which\n',
  amd64: 'for amd64\n',
  arm64: 'for arm64\n',
  arm: 'for arm\n',
}

async function build(
  name: string,
  inputs: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>> = {},
) {
  return await succeed({
    workspace: makeWorkspace(files),
    env: { ...builders?.environment, ...env },
    inputs: { images: `${registry.host}/acme/${name}`, push: 'true', 'tls-verify': 'false', ...inputs },
  })
}

describe('a builder elsewhere', () => {
  testBuilders('with a node for each platform builds without Buildah, and says so', async () => {
    const platforms = `linux/${architecture},linux/${foreign}`
    const { log, outputs } = await build('nodes', { builder: 'two', platforms })
    expect(log).toMatch(
      /^::warning::Docker builds, not Buildah, because the input "builder" names the builder "two", and isn't known to run without root\.$/m,
    )
    expect(log).toMatch(new RegExp(`^ {2}node two0: linux/${architecture}`, 'm'))
    expect(log).toMatch(new RegExp(`^ {2}node two1 \\(rootless\\): linux/${foreign}`, 'm'))
    expect(log).toContain('Cache: not used, since the builder keeps its own steps')
    // Each platform by the node that has it.
    expect(log.match(/\[internal\] load build definition/g)).toHaveLength(2)
    expect(log).toContain(`merging manifest list ${registry.host}/acme/nodes:latest`)
    expect(outputs).toMatchObject({ engine: 'docker', rootless: 'false', imageid: '' })
    const index = await getManifest(`${registry.host}/acme/nodes:latest`)
    expect(outputs['digest']).toBe(digestOf(index.bytes))
    const digests = JSON.parse(outputs['platform-digests'] ?? '') as Record<string, string>
    expect(Object.keys(digests).sort()).toStrictEqual(platforms.split(',').sort())
  })

  testBuilders('of which all nodes run without root is named as rootless', async () => {
    const { log, outputs } = await build('rootless', { builder: 'rootless', platforms: `linux/${foreign}` })
    expect(log).toContain('driver remote')
    expect(outputs).toMatchObject({ engine: 'docker', rootless: 'true' })
    expect(log).not.toContain("isn't known to run without root")
  })

  testBuilders('attaches provenance and an SBOM in BuildKit’s own words', async () => {
    // What the protocol wants is a statement, without a subject.
    const statement = { _type: 'https://in-toto.io/Statement/v0.1', predicateType: 'https://spdx.dev/Document' }
    const sbom = JSON.stringify({ ...statement, predicate: { spdxVersion: 'SPDX-2.3', name: 'made' } })
    const script = `printf '${sbom}' >"$BUILDKIT_SCAN_DESTINATION/sbom.spdx.json"`
    const generator = await withSettings(base, 'generator', { Entrypoint: ['/bin/sh', '-c'], Cmd: [script] })
    const inputs = {
      builder: 'two',
      platforms: `linux/${architecture}`,
      provenance: 'mode=min',
      sbom: `generator=${generator}`,
    }
    const { outputs } = await build('attested', inputs)
    const reference = `${registry.host}/acme/attested:latest`
    const { bytes } = await getManifest(reference)
    expect(outputs['digest']).toBe(digestOf(bytes))
    expect(manifestsOf(bytes).map(({ platform }) => platform.architecture)).toStrictEqual([architecture, 'unknown'])
    expect(await imagetools(reference, '.Provenance')).toHaveProperty('SLSA.buildDefinition')
    expect(await imagetools(reference, '.SBOM')).toHaveProperty('SPDX.name', 'made')
    const refused = await fail({
      workspace: makeWorkspace(files),
      env: { ...builders?.environment },
      inputs: { ...{ images: 'acme/web', push: 'false', outputs: 'type=docker,dest=web.tar' }, ...inputs },
    })
    expect(refused.error).toContain('write `type=oci` for an archive')
  })

  testBuilders('pushes by digest, which a step joins that builds nothing', async () => {
    const outputs = 'type=image,push-by-digest=true,name-canonical=true,push=true'
    const leg = await build('untagged', { builder: 'two', outputs, platforms: `linux/${architecture}` })
    const digest = leg.outputs['digest'] ?? ''
    expect(leg.outputs['engine']).toBe('docker')
    expect(digestOf((await getManifest(`${registry.host}/acme/untagged@${digest}`)).bytes)).toBe(digest)
    await expect(getManifest(`${registry.host}/acme/untagged:latest`)).rejects.toThrow('404')
    const joined = await build('untagged', { digests: digest })
    expect(readIndex((await getManifest(`${registry.host}/acme/untagged:latest`)).bytes).manifests).toMatchObject([
      { digest, platform: { architecture } },
    ])
    expect(joined.outputs['joined']).toBe('true')
  })

  testBuilders('builds the platforms of a runner that meets others', async () => {
    const service = await startCacheService()
    try {
      const inputs = { builder: 'two', platforms: `linux/${architecture}`, distribute: 'true' }
      const { outputs } = await build('leg', inputs, service.environment())
      const { bytes } = await getManifest(`${registry.host}/acme/leg:latest`)
      expect(outputs).toMatchObject({ engine: 'docker', joined: 'true', digest: digestOf(bytes) })
      expect(readIndex(bytes).manifests).toMatchObject([{ platform: { architecture } }])
    } finally {
      await service.stop()
    }
  })
})

describe('a builder in a container of Docker’s daemon', () => {
  let boxed: ContainerBuilder | undefined
  if (reason === undefined)
    beforeAll(async () => {
      boxed = await startContainerBuilder()
    })
  afterAll(() => boxed?.stop())

  testBuilders('builds several platforms in one call, with the cache as always', async () => {
    const platforms = [`linux/${architecture}`, `linux/${foreign}`, 'linux/arm/v7']
    const service = await startCacheService()
    try {
      const inputs = { builder: 'boxed', engine: 'docker', platforms: platforms.join(',') }
      const env = { ...boxed?.environment, ...service.environment() }
      const { log, outputs } = await build('boxed', inputs, env)
      expect(log).toContain('driver docker-container')
      expect(log).not.toContain('Cache: not used')
      expect(outputs).toMatchObject({ engine: 'docker', rootless: 'false', imageid: '', 'cache-hit': 'none' })
      const { bytes } = await getManifest(`${registry.host}/acme/boxed:latest`)
      expect(outputs['digest']).toBe(digestOf(bytes))
      const { manifests } = readIndex(bytes)
      const found = Object.entries(JSON.parse(outputs['platform-digests'] ?? '') as Record<string, string>)
      expect(found.map(([name]) => name).sort()).toStrictEqual(platforms.toSorted())
      for (const [name, digest] of found) {
        const image = await pullImage(`${registry.host}/acme/boxed@${digest}`)
        expect(contentOf(image, 'which').toString()).toBe(`for ${name.split('/')[1]}\n`)
        expect(manifests.map((one) => one.digest)).toContain(digest)
      }
      expect((await build('boxed', inputs, env)).outputs['cache-hit']).toBe('full')
    } finally {
      await service.stop()
    }
  })
})
