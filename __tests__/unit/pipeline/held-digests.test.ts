import { describe, expect, it } from '@jest/globals'
import type { Engine, Image } from '../../../src/engine/engine.js'
import { tellingHeldDigests } from '../../../src/pipeline/held-digests.js'
import { parseReference, type Reference } from '../../../src/metadata/reference.js'
import { digestLike, type Manifest } from '../../../src/registry/manifest.js'
import { logOf, refused } from '../helpers.js'

const image: Image = { id: `sha256:${'e'.repeat(64)}`, format: 'oci', references: [parseReference('a.example/x:1')] }
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
  const find = (reference: Reference): Promise<Manifest | undefined> => {
    asked.push(reference.digest ?? reference.tag ?? '')
    if (there instanceof Error) return Promise.reject(there)
    const isIt = there !== undefined && (reference.digest ?? there.digest) === there.digest
    return Promise.resolve(isIt ? there : undefined)
  }
  return { asked, resolve: find, fetchManifest: find }
}

async function push(registry: ReturnType<typeof registryWith>): Promise<{ digest: string; log: string }> {
  const unused = () => Promise.reject(new Error('not used by a push'))
  const engine: Engine = {
    ...{ name: 'buildah', label: 'Buildah 1.43.2', version: '1.43.2', rootless: true, storageConf: '' },
    ...{ login: unused, build: unused, preview: () => '', writeOutputs: unused, load: unused },
    ...{ imageNames: () => Promise.resolve(new Set()), saveSteps: unused, close: () => Promise.resolve() },
    push: (_, reference) => Promise.resolve({ reference, digest: sent.digest }),
  }
  const telling = tellingHeldDigests(engine, () => Promise.resolve(registry))
  let digest = ''
  const log = await logOf(async () => {
    for (const reference of image.references) digest = (await telling.push(image, reference)).digest
  })
  return { digest, log }
}

describe('tellingHeldDigests', () => {
  it('keeps the digest that the registry has, with one question', async () => {
    const registry = registryWith(sent)
    expect(await push(registry)).toStrictEqual({ digest: sent.digest, log: '' })
    expect(registry.asked).toStrictEqual([sent.digest])
  })

  it('tells the digest of a manifest that the registry has written anew', async () => {
    const { digest, log } = await push(registryWith(rewritten))
    expect(digest).toBe(rewritten.digest)
    expect(log).toBe(
      `Push of a.example/x:1: the registry has written the manifest anew, and has it as ${rewritten.digest}, not as ${sent.digest}\n`,
    )
  })

  it('never tells the digest of another image, which somebody else may have pushed meanwhile', async () => {
    const { digest, log } = await push(registryWith(other))
    expect(digest).toBe(sent.digest)
    expect(log).toContain(`::warning::a.example/x:1 was pushed as ${sent.digest}, which the registry doesn't have`)
  })

  it.each([
    ['has nothing under the tag yet', undefined],
    ['lets nobody read', refused()],
    ['breaks', new Error('broken')],
  ])("takes the engine's word where the registry %s", async (_, there) => {
    const { digest, log } = await push(registryWith(there))
    expect([digest, log]).toStrictEqual([sent.digest, ''])
  })

  it('closes an engine that has pushed nothing, and asks no registry', async () => {
    let closed = 0
    const engine = { close: () => Promise.resolve(void (closed += 1)) } as unknown as Engine
    await tellingHeldDigests(engine, () => Promise.reject(new Error('opened'))).close()
    expect(closed).toBe(1)
  })
})
