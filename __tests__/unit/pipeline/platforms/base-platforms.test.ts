import { describe, expect, it } from '@jest/globals'
import { runsOn, parsePlatform, type Platform } from '../../../../src/lib/platform.js'
import { parseReference } from '../../../../src/metadata/reference.js'
import { digestLike } from '../../../../src/registry/manifest.js'
import { platformsIn } from '../../../../src/registry/image-platforms.js'
import { fakeRegistries } from '../../registry/fake-registries.js'

const known = (name: string): Platform => {
  const platform = parsePlatform(name)
  if (platform === undefined) throw new Error(`${name} is no platform`)
  return platform
}

describe('the platforms of an image', () => {
  const reference = parseReference('h.example/base:1')

  it('of an index are those of its images, and nothing of attestations', async () => {
    const { registries } = fakeRegistries()
    const digest = `sha256:${'a'.repeat(64)}`
    const manifests = ['linux/amd64', 'linux/arm/v7', 'unknown/unknown'].map((name) => {
      const [os, architecture, variant] = name.split('/')
      return { digest, platform: { os, architecture, variant } }
    })
    const bytes = Buffer.from(JSON.stringify({ manifests }))
    const mediaType = 'application/vnd.oci.image.index.v1+json'
    await registries.putManifest(
      { ...reference, tag: '1' },
      { bytes, digest: digestLike(bytes), mediaType, size: bytes.length },
    )
    expect(await platformsIn(registries, reference)).toStrictEqual([
      { platform: known('linux/amd64'), digest },
      { platform: known('linux/arm/v7'), digest },
    ])
  })

  it('of a plain image is that of its configuration', async () => {
    const fake = fakeRegistries()
    const digest = fake.put(reference, { os: 'linux', architecture: 'arm64' })
    expect(await platformsIn(fake.registries, reference)).toStrictEqual([{ platform: known('linux/arm64'), digest }])
  })

  it('are not known where there is none, or it doesn’t say', async () => {
    const fake = fakeRegistries()
    expect(await platformsIn(fake.registries, reference)).toBeUndefined()
    fake.put(reference, {})
    expect(await platformsIn(fake.registries, reference)).toBeUndefined()
  })
})

it.each([
  ['linux/amd64', 'linux/amd64', true],
  ['linux/amd64', 'linux/arm64', false],
  ['linux/arm/v6', 'linux/arm/v7', true],
  ['linux/arm/v7', 'linux/arm/v6', false],
  ['linux/amd64', 'linux/amd64/v3', true],
  ['windows/amd64', 'linux/amd64', false],
])('%s serves %s: %s', (one, wanted, expected) => {
  expect(runsOn(known(one), known(wanted))).toBe(expected)
})
