import { describe, expect, it } from '@jest/globals'
import { imageIndex, type IndexEntry } from '../../../src/registry/image-index.js'
import { digestLike } from '../../../src/registry/manifest.js'

const OCI = 'application/vnd.oci.image.manifest.v1+json'
const DOCKER = 'application/vnd.docker.distribution.manifest.v2+json'
const entry = (letter: string, changes: Partial<IndexEntry> = {}): IndexEntry => ({
  ...{ digest: `sha256:${letter.repeat(64)}`, size: 7, mediaType: OCI },
  ...{ platform: { os: 'linux', architecture: letter } },
  ...changes,
})

describe('imageIndex', () => {
  it('has the manifests in the given order, and the digest of its bytes', () => {
    const [one, other] = [entry('b'), entry('a', { platform: { variant: 'v7', os: 'linux', architecture: 'arm' } })]
    const { bytes, digest, size, mediaType } = imageIndex([one, other], { 'org.example': 'web' })
    expect(bytes.toString()).toBe(
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[' +
        `{"mediaType":"${OCI}","digest":"${one.digest}","size":7,"platform":{"architecture":"b","os":"linux"}},` +
        `{"mediaType":"${OCI}","digest":"${other.digest}","size":7,"platform":{"architecture":"arm","os":"linux","variant":"v7"}}` +
        '],"annotations":{"org.example":"web"}}',
    )
    expect([digest, size, mediaType]).toStrictEqual([
      ...[digestLike(bytes), bytes.length],
      'application/vnd.oci.image.index.v1+json',
    ])
  })

  it('is the same whatever the order in which its parts were put together', () => {
    const platform = { architecture: 'a', os: 'linux' }
    const again = { platform, mediaType: OCI, size: 7, digest: entry('a').digest }
    expect(imageIndex([again]).digest).toBe(imageIndex([entry('a')]).digest)
  })

  it('keeps what an attestation says of itself', () => {
    const annotations = {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': 'sha256:x',
    }
    const { bytes } = imageIndex([entry('a', { platform: { os: 'unknown', architecture: 'unknown' }, annotations })])
    expect(JSON.parse(bytes.toString())).toMatchObject({
      manifests: [{ platform: { os: 'unknown', architecture: 'unknown' }, annotations }],
    })
  })

  it('is in Docker’s format where everything is, and Docker’s has a place for all of it', () => {
    const [one, other] = [entry('a', { mediaType: DOCKER }), entry('b', { mediaType: DOCKER })]
    const list = 'application/vnd.docker.distribution.manifest.list.v2+json'
    const index = 'application/vnd.oci.image.index.v1+json'
    expect(imageIndex([one, other]).mediaType).toBe(list)
    expect(imageIndex([one, entry('b')]).mediaType).toBe(index)
    expect(imageIndex([one, other], { a: 'b' }).mediaType).toBe(index)
    expect(imageIndex([one, { ...other, annotations: { a: 'b' } }]).mediaType).toBe(index)
  })
})
