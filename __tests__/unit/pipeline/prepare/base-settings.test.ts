import { describe, expect, it } from '@jest/globals'
import { dockerOnlyOfBases, settingsOfBases, volumesOfBases } from '../../../../src/pipeline/prepare/base-settings.js'
import { formatReference, parseReference, type Reference } from '../../../../src/metadata/reference.js'
import type { RegistryError } from '../../../../src/errors.js'
import { digestLike } from '../../../../src/registry/manifest.js'
import type { BaseNames } from '../../../../src/engine/base-names.js'
import { logOf, refused } from '../../helpers.js'

const healthy = { config: { Healthcheck: { Test: ['CMD', 'true'] } } }
const shell = { config: { Shell: ['/bin/bash', '-c'] } }
const plain = { config: {} }

/** Registries in which each of these references has an image with such a configuration, or answers with an error. */
function registriesWith(images: Readonly<Record<string, object | RegistryError>>) {
  const contents = new Map<string, Buffer>()
  const put = (content: unknown) => {
    const bytes = Buffer.from(JSON.stringify(content))
    contents.set(digestLike(bytes), bytes)
    return digestLike(bytes)
  }
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  return {
    resolve(reference: Reference) {
      const found = images[formatReference(reference)]
      if (found instanceof Error) return Promise.reject(found)
      if (found === undefined) return Promise.resolve(undefined)
      return Promise.resolve({ digest: put({ config: { digest: put(found) } }), mediaType, size: 1 })
    },
    fetchManifest({ digest }: { readonly digest: string }) {
      const bytes = contents.get(digest)
      return Promise.resolve(bytes && { bytes, digest, mediaType, size: bytes.length })
    },
    fetchBlob: (_: Reference, digest: string) => Promise.resolve(contents.get(digest) ?? Buffer.alloc(0)),
  }
}

/** Names that stand for these places, the first that has the image counts. */
function named(names: Readonly<Record<string, readonly string[]>>): BaseNames {
  const candidates = Object.entries(names).map(([name, places]) => {
    const references = places.map(parseReference)
    return [name, references.map((one) => ({ name: one, sources: [{ reference: one, insecure: false }] }))] as const
  })
  return { candidates: new Map(candidates), insecure: [], configuration: [] }
}

const imagesOf = (...names: string[]) => names.map((name) => ({ name, platform: undefined }))

/** What only the `docker` format can hold of these images. */
async function dockerOnly(names: readonly string[], bases: BaseNames, registries: ReturnType<typeof registriesWith>) {
  return dockerOnlyOfBases(await settingsOfBases(imagesOf(...names), bases, registries))
}

describe('settings of base images', () => {
  it('that OCI drops are those of the first image that has some, as the Dockerfile has them', async () => {
    const registries = registriesWith({ 'a.example/a:1': plain, 'a.example/b:1': shell, 'a.example/c:1': healthy })
    const names = named({ a: ['a.example/a:1'], b: ['a.example/b:1'], c: ['a.example/c:1'] })
    const expected = { keyword: 'SHELL', origin: 'of the base image b' }
    expect(await dockerOnly(['a', 'b', 'c'], names, registries)).toStrictEqual(expected)
    expect(await dockerOnly(['a'], names, registries)).toBeUndefined()
  })

  it('are looked up where the engine would pull from: the first place that has the image, and no other', async () => {
    const registries = registriesWith({ 'b.example/x:1': plain, 'c.example/x:1': healthy, 'd.example/x:1': refused() })
    const where = (...hosts: string[]) => named({ x: hosts.map((host) => `${host}.example/x:1`) })
    let found: unknown[] = []
    const log = await logOf(async () => {
      const ask = (...hosts: string[]) => dockerOnly(['x'], where(...hosts), registries)
      found = [await ask('a', 'b', 'c'), await ask('d', 'c', 'b'), await ask('d'), await ask()]
    })
    const healthcheck = { keyword: 'HEALTHCHECK', origin: 'of the base image x' }
    expect(found).toStrictEqual([undefined, healthcheck, undefined, undefined])
    expect(log).toContain('Format: could not read the configuration of x. The registry refuses.')
  })

  it('are not known of a name whose place is not known', async () => {
    const names: BaseNames = { candidates: new Map([['x', { why: 'two' }]]), insecure: [], configuration: [] }
    expect(await dockerOnly(['x', 'y'], names, registriesWith({}))).toBeUndefined()
  })

  it('have volumes', async () => {
    const volumes = { config: { Volumes: { '/data': {}, '/srv/db': {} } } }
    const registries = registriesWith({ 'a.example/a:1': plain, 'a.example/b:1': volumes })
    const names = named({ a: ['a.example/a:1'], b: ['a.example/b:1'] })
    const found = volumesOfBases(await settingsOfBases(imagesOf('a', 'b'), names, registries))
    expect([...found]).toStrictEqual([
      ['a', []],
      ['b', ['/data', '/srv/db']],
    ])
  })
})
