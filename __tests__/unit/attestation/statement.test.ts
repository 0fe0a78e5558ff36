import { describe, expect, it } from '@jest/globals'
import { attestationManifest } from '../../../src/attestation/attestation-manifest.js'
import { packageUrl } from '../../../src/attestation/package-url.js'
import { redact } from '../../../src/attestation/redact.js'
import { statement } from '../../../src/attestation/statement.js'
import { nativePlatform } from '../../../src/lib/platform.js'
import { parseReference } from '../../../src/metadata/reference.js'
import { digestLike } from '../../../src/registry/manifest.js'

const digest = `sha256:${'ab'.repeat(32)}`
const arm = { os: 'linux', architecture: 'arm', variant: 'v7' }

describe('the package URL of an image is that of BuildKit', () => {
  it.each([
    ['acme/web:1.2', 'pkg:docker/acme/web@1.2?platform=linux%2Farm%2Fv7'],
    ['debian', 'pkg:docker/debian@latest?platform=linux%2Farm%2Fv7'],
    ['ghcr.io/acme/team/web:1', 'pkg:docker/ghcr.io/acme/team/web@1?platform=linux%2Farm%2Fv7'],
    ['127.0.0.1:5000/web:1', 'pkg:docker/127.0.0.1:5000/web@1?platform=linux%2Farm%2Fv7'],
    [`debian@${digest}`, `pkg:docker/debian?digest=${digest}&platform=linux%2Farm%2Fv7`],
  ])('%s', (name, expected) => {
    expect(packageUrl(parseReference(name), arm)).toBe(expected)
  })
})

it('a statement is about the image under each of its names, and has the document as it was written', () => {
  const json = '{ "a":  1 }'
  const about = { digest, platform: arm, references: [parseReference('acme/web:1'), parseReference('acme/web:2')] }
  const text = statement({ type: 'https://spdx.dev/Document', json }, about)
  expect(text.endsWith(`"predicate":${json}}`)).toBe(true)
  const own = { sha256: 'ab'.repeat(32) }
  expect(JSON.parse(text)).toStrictEqual({
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'https://spdx.dev/Document',
    subject: [
      { name: 'pkg:docker/acme/web@1?platform=linux%2Farm%2Fv7', digest: own },
      { name: 'pkg:docker/acme/web@2?platform=linux%2Farm%2Fv7', digest: own },
    ],
    predicate: { a: 1 },
  })
  expect(statement({ type: 't', json }, { ...about, references: [] })).toContain('"subject":[{"name":"_"')
})

it('an attestation manifest names its blobs and its image, and is the same for the same', () => {
  const image = { digest, mediaType: 'application/vnd.oci.image.manifest.v1+json', size: 7 }
  const make = () =>
    attestationManifest(image, [{ type: 'https://spdx.dev/Document', json: '{}' }], {
      platform: nativePlatform(),
      references: [],
    })
  const { manifest, blobs, entry } = make()
  expect(make().manifest.bytes).toStrictEqual(manifest.bytes)
  for (const blob of blobs) expect(digestLike(blob.bytes)).toBe(blob.digest)
  const { config, layers, subject } = JSON.parse(manifest.bytes.toString()) as {
    readonly config: { readonly digest: string; readonly data: string }
    readonly layers: readonly { readonly digest: string; readonly size: number }[]
    readonly subject: unknown
  }
  expect([config.digest, ...layers.map((layer) => layer.digest)]).toStrictEqual(blobs.map((blob) => blob.digest))
  expect(config).toMatchObject({
    digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    data: 'e30=',
  })
  expect(subject).toStrictEqual(image)
  expect(entry).toMatchObject({ digest: manifest.digest, size: manifest.size, platform: { os: 'unknown' } })
})

describe('redact', () => {
  it.each([
    ['a secret', 'x hunter22 y', ['hunter22'], 'x *** y'],
    ['the longer of two', 'hunter22', ['hunter', 'hunter22'], '***'],
    ['the password of a URL', 'https://me:hunter22@h.example/', [], 'https://me:***@h.example/'],
    ['nothing', 'as it is', ['', 'hunter22'], 'as it is'],
  ])('%s', (_, text, secrets, expected) => {
    expect(redact(text, secrets)).toBe(expected)
  })
})
