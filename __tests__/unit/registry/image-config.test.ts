import { describe, expect, it } from '@jest/globals'
import { parseReference, type Reference } from '../../../src/metadata/reference.js'
import { digestLike } from '../../../src/registry/manifest.js'
import { fetchConfig } from '../../../src/registry/image-config.js'
import { refused } from '../helpers.js'

const mediaType = 'application/vnd.oci.image.manifest.v1+json'

/** A repository by its content: each is found by its digest, the last manifest also by the tag. */
function repositoryWith() {
  const contents = new Map<string, Buffer>()
  let newest = ''
  const put = (content: unknown): string => {
    const bytes = Buffer.from(JSON.stringify(content))
    newest = digestLike(bytes)
    contents.set(newest, bytes)
    return newest
  }
  const find = (digest: string) => contents.get(digest)
  return {
    put,
    image: (config: unknown) => put({ schemaVersion: 2, config: { digest: put(config) }, layers: [] }),
    resolve: ({ tag }: Reference) => Promise.resolve(tag === '1' ? { digest: newest, mediaType, size: 1 } : undefined),
    fetchManifest({ digest }: Reference & { readonly digest: string }) {
      const bytes = find(digest)
      return Promise.resolve(bytes && { bytes, digest, mediaType, size: bytes.length })
    },
    async fetchBlob(_: Reference, digest: string) {
      const bytes = find(digest)
      if (bytes === undefined) throw refused()
      return await Promise.resolve(bytes)
    },
  }
}

describe('fetchConfig', () => {
  const image = parseReference('a.example/x:1')

  it('reads it by a tag and by a digest', async () => {
    const repository = repositoryWith()
    const digest = repository.image({ config: { Shell: ['a'] } })
    const expected = { config: { Shell: ['a'] } }
    expect(await fetchConfig(repository, image, 'linux/amd64')).toStrictEqual(expected)
    const pinned = parseReference(`a.example/x@${digest}`)
    expect(await fetchConfig(repository, pinned, 'linux/amd64')).toStrictEqual(expected)
  })

  it.each([
    ['linux/amd64', 'amd64'],
    ['linux/arm/v7', 'armv7'],
    ['linux/arm/v5', 'armv6'],
    ['linux/arm', 'armv6'],
    ['linux/s390x', undefined],
    ['windows/amd64', undefined],
  ])('of an index, for %s', async (platform, expected) => {
    const repository = repositoryWith()
    const entry = (name: string, os: string, architecture: string, variant?: string) => ({
      ...{ digest: repository.image({ name }), mediaType, platform: { os, architecture, ...(variant && { variant }) } },
    })
    repository.put({
      schemaVersion: 2,
      manifests: [
        entry('attestation', 'unknown', 'unknown'),
        entry('armv6', 'linux', 'arm', 'v6'),
        entry('amd64', 'linux', 'amd64'),
        entry('armv7', 'linux', 'arm', 'v7'),
      ],
    })
    expect((await fetchConfig(repository, image, platform))?.['name']).toBe(expected)
  })

  it.each<[what: string, content: unknown]>([
    ['a manifest that names none', { schemaVersion: 2, layers: [] }],
    ['a digest that is none', { config: { digest: '../../etc/passwd' } }],
    [
      'an index with such a digest',
      { manifests: [{ digest: '../x', platform: { os: 'linux', architecture: 'amd64' } }] },
    ],
    ['an index of nothing', { manifests: ['x', null] }],
  ])('has none for %s', async (_, content) => {
    const repository = repositoryWith()
    repository.put(content)
    expect(await fetchConfig(repository, image, 'linux/amd64')).toBeUndefined()
  })

  it('has none for an image that is not there', async () => {
    expect(await fetchConfig(repositoryWith(), parseReference('a.example/x:2'), 'linux/amd64')).toBeUndefined()
  })
})
