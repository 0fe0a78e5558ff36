import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { BaseImage } from '../../../../src/engine/engine.js'
import { nativePlatform } from '../../../../src/lib/platform.js'
import { imagesToPull } from '../../../../src/pipeline/build/current-images.js'
import type { NamedBases, Unknown } from '../../../../src/up-to-date/base-digests.js'
import { grow, hex, imageOf, layerOf } from '../../cache/fixtures.js'
import { temporaryFolder } from '../../helpers.js'

const NAME = 'docker.io/library/alpine:3.20'
const digest = `sha256:${hex('manifest')}`
const store = { kind: 'root', layout: 'overlay-rootless' } as const
const base: BaseImage = { name: 'alpine:3.20', platform: undefined }

/** A storage that has pulled one image of this processor, with its index. */
function storage(config: object = nativePlatform()): string {
  const root = temporaryFolder()
  const image = imageOf('a', 'a', [NAME])
  const names = [`manifest-${digest}`, 'manifest']
  grow(root, [layerOf('a')], [{ ...image, digest: `sha256:${hex('one')}`, 'big-data-names': names }])
  const name = `=${Buffer.from(`sha256:${image.id}`).toString('base64')}`
  writeFileSync(join(root, 'overlay-images', image.id, name), JSON.stringify(config))
  return root
}

function knowing(bases: NamedBases | Unknown) {
  return { bases: () => Promise.resolve(bases) }
}

const current = knowing(new Map([[base.name, { name: NAME, digest }]]))

async function pulled(images: readonly BaseImage[], root = storage(), comparison = current): Promise<string[]> {
  return (await imagesToPull(images, store, root, comparison)).map(({ name }) => name)
}

describe('images that have to be pulled', () => {
  it('are none that the storage has as its registry has it, by the digest of its index or its own', async () => {
    expect(await pulled([base])).toStrictEqual([])
    const own = knowing(new Map([[base.name, { name: NAME, digest: `sha256:${hex('one')}` }]]))
    expect(await pulled([base], storage(), own)).toStrictEqual([])
  })

  it('are all where nobody knows what registries have, and those of which it isn’t known', async () => {
    expect(await imagesToPull([base], store, storage(), undefined)).toStrictEqual([base])
    expect(await pulled([base], storage(), knowing({ why: 'it does not answer' }))).toStrictEqual([base.name])
    expect(await pulled([base, { ...base, name: 'other' }])).toStrictEqual(['other'])
  })

  it('are those that the registry has another image of', async () => {
    const moved = knowing(new Map([[base.name, { name: NAME, digest: `sha256:${hex('newer')}` }]]))
    expect(await pulled([base], storage(), moved)).toStrictEqual([base.name])
  })

  it('are those that the storage has under another name, or for another processor', async () => {
    const renamed = knowing(new Map([[base.name, { name: 'quay.io/acme/alpine:3.20', digest }]]))
    expect(await pulled([base], storage(), renamed)).toStrictEqual([base.name])
    expect(await pulled([base], storage({ os: 'linux', architecture: 's390x' }))).toStrictEqual([base.name])
    expect(await pulled([base], storage({}))).toStrictEqual([base.name])
  })

  it('are those for another platform, and both of a name that is wanted for two', async () => {
    const foreign = { ...base, platform: 'linux/s390x' }
    expect(await pulled([foreign])).toStrictEqual([base.name])
    expect(await pulled([base, foreign])).toStrictEqual([base.name, base.name])
  })

  it('are all in a storage that has nothing, and for Docker', async () => {
    const root = storage()
    rmSync(join(root, 'overlay-images/images.json'))
    expect(await pulled([base], root)).toStrictEqual([base.name])
    const blobs = { kind: 'blobs', layout: 'oci-layout' } as const
    expect(await imagesToPull([base], blobs, storage(), current)).toStrictEqual([base])
  })
})
