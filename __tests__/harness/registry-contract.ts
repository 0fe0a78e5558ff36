import { beforeAll, expect, it } from '@jest/globals'

import { RegistryError } from '../../src/errors.js'
import { parseReference, type Reference } from '../../src/metadata/reference.js'
import type { Registries } from '../../src/registry/registries.js'
import { type Blob, digestLike, type Manifest } from '../../src/registry/manifest.js'

type Tagged = Reference & { readonly tag: string }

/** What the pipeline takes for granted of registries: the real client has it, and so has the fake of the unit tests. */
export function registryContract(open: () => { readonly registries: Registries; readonly host: string }): void {
  let registries: Registries
  let web: Tagged
  let api: Tagged
  const config = blobOf({ architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [] } })
  const manifest = manifestOf(config)

  beforeAll(() => {
    const world = open()
    registries = world.registries
    ;[web, api] = ['web:1', 'api:1'].map((name) => parseReference(`${world.host}/contract/${name}`)) as [Tagged, Tagged]
  })

  it('has nothing at first, and says so without an error', async () => {
    await expect(registries.resolve(web)).resolves.toBeUndefined()
    await expect(registries.fetchManifest({ ...web, digest: manifest.digest })).resolves.toBeUndefined()
    await expect(registries.hasBlob(web, config.digest)).resolves.toBe(false)
    await expect(registries.fetchBlob(web, config.digest)).rejects.toBeInstanceOf(RegistryError)
  })

  it('lets a push begin, and leaves nothing of it', async () => {
    await expect(registries.tryPush(web)).resolves.toStrictEqual({ asksLate: false })
    await expect(registries.resolve(web)).resolves.toBeUndefined()
  })

  it('gives back what was put, by its tag and by its digest', async () => {
    await registries.putBlob(web, config)
    await registries.putManifest(web, manifest)
    const { digest, mediaType, size } = manifest
    await expect(registries.resolve(web)).resolves.toStrictEqual({ digest, mediaType, size })
    const { tag, ...name } = web
    expect(tag).toBe('1')
    await expect(registries.resolve({ ...name, digest })).resolves.toStrictEqual({ digest, mediaType, size })
    await expect(registries.fetchManifest({ ...name, digest })).resolves.toMatchObject({
      digest,
      bytes: manifest.bytes,
    })
    await expect(registries.fetchBlob(web, config.digest)).resolves.toStrictEqual(config.bytes)
    await expect(registries.hasBlob(web, config.digest)).resolves.toBe(true)
  })

  it('mounts a blob of another repository', async () => {
    await expect(registries.mountBlob(api, config.digest, web)).resolves.toBe(true)
    await registries.putManifest(api, manifest)
    await expect(registries.resolve(api)).resolves.toMatchObject({ digest: manifest.digest })
  })
}

function blobOf(value: object): Blob {
  const bytes = Buffer.from(JSON.stringify(value))
  return { bytes, digest: digestLike(bytes) }
}

function manifestOf(config: Blob): Manifest {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const { digest, bytes } = config
  const named = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: bytes.length }
  const blob = blobOf({ schemaVersion: 2, mediaType, config: named, layers: [] })
  return { ...blob, mediaType, size: blob.bytes.length }
}
