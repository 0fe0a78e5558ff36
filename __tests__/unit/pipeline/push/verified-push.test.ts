import { describe, expect, it } from '@jest/globals'
import type { Engine, Image } from '../../../../src/engine/engine.js'
import { parseReference, type Reference } from '../../../../src/metadata/reference.js'
import { verifyingPushes } from '../../../../src/pipeline/push/verified-push.js'
import { digestLike, type Manifest } from '../../../../src/registry/manifest.js'
import { fakeEngine } from '../../engine/fake-engine.js'
import { busy, logOf, refused, rejection } from '../../helpers.js'

const reference = parseReference('h.example/acme/web:1')
const image: Image = { id: `sha256:${'e'.repeat(64)}`, format: 'oci', references: [reference] }
const mediaType = 'application/vnd.oci.image.manifest.v1+json'
const manifestOf = (config: string, space = 0): Manifest => {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, config: { digest: config }, layers: [] }, null, space))
  return { bytes, digest: digestLike(bytes), mediaType, size: bytes.length }
}
const sent = manifestOf(image.id)
const rewritten = manifestOf(image.id, 3)
const other = manifestOf(`sha256:${'f'.repeat(64)}`)

/** A registry that has one manifest, and what is asked of it; or one that refuses to be asked. */
function registryWith(there: Manifest | undefined | Error) {
  const asked: string[] = []
  const find = (name: Reference): Promise<Manifest | undefined> => {
    asked.push(name.digest ?? name.tag ?? '')
    if (there instanceof Error) return Promise.reject(there)
    const isIt = there !== undefined && (name.digest ?? there.digest) === there.digest
    return Promise.resolve(isIt ? there : undefined)
  }
  return { asked, resolve: find, fetchManifest: find }
}

/** The same engine with a push that comes to this. */
function engineWith(push: Engine['push'], registry: ReturnType<typeof registryWith>): Engine {
  return verifyingPushes({ ...fakeEngine(), push }, () => Promise.resolve(registry))
}

const pushed = { reference, digest: sent.digest }
const fine = () => Promise.resolve(pushed)

async function push(registry: ReturnType<typeof registryWith>, made: Engine['push'] = fine) {
  let result: unknown
  const log = await logOf(async () => {
    result = await engineWith(made, registry).push(image, reference)
  })
  return { result, log }
}

describe('a push that went well', () => {
  it('keeps the digest that the registry has, with one question', async () => {
    const registry = registryWith(sent)
    expect(await push(registry)).toStrictEqual({ result: pushed, log: '' })
    expect(registry.asked).toStrictEqual([sent.digest])
  })

  it('tells the digest of a manifest that the registry has written anew', async () => {
    const { result, log } = await push(registryWith(rewritten))
    expect(result).toStrictEqual({ reference, digest: rewritten.digest })
    expect(log).toBe(
      `Push of h.example/acme/web:1: the registry rewrote the manifest; its digest is ${rewritten.digest} instead of ${sent.digest}\n`,
    )
  })

  it('never tells the digest of another image, which somebody else may have pushed meanwhile', async () => {
    const { result, log } = await push(registryWith(other))
    expect(result).toStrictEqual(pushed)
    expect(log).toContain(
      `::warning::h.example/acme/web:1 was pushed as ${sent.digest}, but the registry doesn't have that digest; the tag points to another image, `,
    )
  })

  it.each([
    ['has nothing under the tag yet', undefined],
    ['lets nobody read', refused()],
    ['breaks', new Error('broken')],
  ])("takes the engine's word where the registry %s", async (_, there) => {
    expect(await push(registryWith(there))).toStrictEqual({ result: pushed, log: '' })
  })
})

describe('a push that is refused', () => {
  const refusing = () => Promise.reject(refused())

  it('counts where the image is there already under a tag that can’t be changed', async () => {
    const { result, log } = await push(registryWith(rewritten), refusing)
    expect(result).toStrictEqual({ reference, digest: rewritten.digest })
    expect(log).toBe(
      `h.example/acme/web:1: the push was refused, but the tag already is this image (${rewritten.digest}), so it counts as pushed\n`,
    )
  })

  it.each([
    ['another image is there', other],
    ['something that is no image is there', manifestOf('')],
    ['nothing is there', undefined],
    ['the registry can’t be asked', new Error('out of reach')],
  ])('stays refused where %s', async (_, there) => {
    const error = await rejection(engineWith(refusing, registryWith(there)).push(image, reference))
    expect(error.message).toBe('The registry refuses.')
  })

  it('is not asked about where it may go well the next time', async () => {
    const registry = registryWith(sent)
    const error = await rejection(engineWith(() => Promise.reject(busy()), registry).push(image, reference))
    expect(error.message).toBe('The registry is busy.')
    expect(registry.asked).toStrictEqual([])
  })
})

it('opens no registry for an engine that pushes nothing', async () => {
  const engine = verifyingPushes(fakeEngine(), () => Promise.reject(new Error('opened')))
  await expect(engine.close()).resolves.toBeUndefined()
})
