import { beforeEach, describe, expect, it } from '@jest/globals'
import { pushAttested } from '../../../src/pipeline/attestations/attested-push.js'
import { nativePlatform } from '../../../src/lib/platform.js'
import { parseReference } from '../../../src/metadata/reference.js'
import { putReferences } from '../../../src/up-to-date/retag.js'
import { logOf } from '../helpers.js'
import { fakeRegistries, type FakeRegistries } from '../registry/fake-registries.js'

const web = parseReference('h.example/acme/web:1')
const other = parseReference('h.example/acme/other:1')

let fake: FakeRegistries
let index: string
let image: string
beforeEach(async () => {
  fake = fakeRegistries()
  await logOf(async () => {
    const [pushed] = await pushAttested(
      { pushByDigest: (_, repository) => Promise.resolve(fake.putByDigest(repository, { os: 'linux' })) },
      {
        image: { id: 'sha256:1', format: 'oci', references: [web] },
        predicates: [{ type: 'https://slsa.dev/provenance/v1', json: '{}' }],
        platform: nativePlatform(),
        names: [web],
      },
      [web],
      { open: () => Promise.resolve(fake.registries), close: () => Promise.resolve() },
    )
    ;[index, image] = [pushed?.digest ?? '', pushed?.image ?? '']
  })
})

const place = () => ({ registry: 'h.example', repository: 'acme/web', digest: index })
const manifestOf = async (repository: string, digest: string) =>
  await fake.registries.fetchManifest({ registry: 'h.example', repository, digest })

describe('an image with attestations', () => {
  it('is put under another tag as it is', async () => {
    const two = parseReference('h.example/acme/web:2')
    const put = await putReferences([two], [place()], fake.registries)
    expect(put).toStrictEqual({ imageId: undefined, pushed: [{ reference: two, digest: index, image }] })
    expect(fake.tags()).toContain('h.example/acme/web:2')
  })

  it('is in another repository with all that it names', async () => {
    const put = await putReferences([other], [place()], fake.registries)
    expect(put).toMatchObject({ pushed: [{ digest: index, image }] })
    const { manifests } = JSON.parse(String((await manifestOf('acme/other', index))?.bytes)) as {
      readonly manifests: readonly { readonly digest: string }[]
    }
    expect(manifests).toHaveLength(2)
    for (const { digest } of manifests) {
      const part = await manifestOf('acme/other', digest)
      const { config, layers } = JSON.parse(String(part?.bytes)) as {
        readonly config: { readonly digest: string }
        readonly layers: readonly { readonly digest: string }[]
      }
      for (const blob of [config, ...layers]) expect(await fake.registries.hasBlob(other, blob.digest)).toBe(true)
    }
  })

  it('is built again where other labels are wanted: its attestations name its digest', async () => {
    const put = await putReferences([web], [place()], fake.registries, { labels: [], annotations: [] })
    expect(put).toMatchObject({ why: expect.stringContaining('what is attached to it names its digest') })
  })

  it('is built again where the registry has lost a part of it', async () => {
    const registries = {
      ...fake.registries,
      fetchManifest: async (reference: Parameters<typeof fake.registries.fetchManifest>[0]) =>
        reference.digest === index ? await fake.registries.fetchManifest(reference) : undefined,
    }
    const put = await putReferences([web], [place()], registries)
    expect(put).toMatchObject({ why: expect.stringContaining('the registry has lost sha256:') })
  })

  it('is built again where it is gone, whatever the registry says of the tag', async () => {
    const registries = {
      ...fake.registries,
      fetchManifest: () => Promise.resolve(undefined),
      resolve: () => Promise.reject(new Error('the registry is down')),
    }
    const put = await putReferences([web], [place()], registries)
    expect(put).toMatchObject({ why: expect.stringContaining('is no longer in the registry') })
  })

  it('is not put under a tag of which nobody knows what it points to', async () => {
    const registries = { ...fake.registries, resolve: () => Promise.reject(new Error('the registry is down')) }
    expect(await putReferences([web], [place()], registries)).toStrictEqual({ why: 'the registry is down' })
  })
})
