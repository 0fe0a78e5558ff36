import { describe, expect, it } from '@jest/globals'
import { acceptPushed } from '../../../src/pipeline/accepted-pushes.js'
import type { Engine, Image } from '../../../src/engine/engine.js'
import { parseReference } from '../../../src/metadata/reference.js'
import type { Descriptor } from '../../../src/registry/manifest.js'
import { busy, logOf, refused, rejection } from '../helpers.js'

const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`
const mediaType = 'application/vnd.oci.image.manifest.v1+json'
const reference = parseReference('h.example/acme/web:1')
const image: Image = { id: digestOf('a'), format: 'oci', references: [reference] }

/** An engine whose push comes to this, and the registry with what is under the tag. */
function engineOf(push: Engine['push'], there: { config: string } | undefined) {
  const unused = () => Promise.reject(new Error('not used by a push'))
  const engine: Engine = {
    ...{ name: 'buildah', label: 'Buildah 1.43.2', version: '1.43.2', rootless: true, storageConf: '' },
    ...{ login: unused, build: unused, preview: () => '', writeOutputs: unused, load: unused, saveSteps: unused },
    ...{ imageNames: () => Promise.resolve(new Set<string>()), close: unused, push },
  }
  const bytes = Buffer.from(JSON.stringify({ config: { digest: there?.config } }))
  const descriptor: Descriptor = { digest: digestOf('d'), mediaType, size: bytes.length }
  const asked: string[] = []
  const registries = {
    resolve: () => Promise.resolve(void asked.push('resolve')).then(() => (there ? descriptor : undefined)),
    fetchManifest: () => Promise.resolve({ ...descriptor, bytes }),
  }
  return { engine: acceptPushed(engine, () => Promise.resolve(registries)), asked }
}

describe('acceptPushed', () => {
  it('counts an image as pushed that is there already under a tag that can’t be changed', async () => {
    const { engine } = engineOf(() => Promise.reject(refused()), { config: image.id })
    let pushed: unknown
    const log = await logOf(async () => {
      pushed = await engine.push(image, reference)
    })
    expect(pushed).toStrictEqual({ reference, digest: digestOf('d') })
    expect(log).toBe(
      `h.example/acme/web:1 is refused, and counts as pushed: it is this image already (${digestOf('d')})\n`,
    )
  })

  it.each([
    ['another image', { config: digestOf('b') }],
    ['something that is no image', { config: '' }],
    ['nothing', undefined],
  ])('is refused where %s is there', async (_, there) => {
    const { engine } = engineOf(() => Promise.reject(refused()), there)
    expect((await rejection(engine.push(image, reference))).message).toBe('The registry refuses.')
  })

  it('asks nothing where the push went well, or may go well the next time', async () => {
    const pushed = { reference, digest: digestOf('e') }
    const fine = engineOf(() => Promise.resolve(pushed), { config: image.id })
    expect(await fine.engine.push(image, reference)).toBe(pushed)
    const again = engineOf(() => Promise.reject(busy()), { config: image.id })
    expect((await rejection(again.engine.push(image, reference))).message).toBe('The registry is busy.')
    expect([...fine.asked, ...again.asked]).toStrictEqual([])
  })

  it('tells what the push said where the registry can’t be asked', async () => {
    const { engine } = engineOf(() => Promise.reject(refused()), { config: image.id })
    const deaf = acceptPushed({ ...engine, push: () => Promise.reject(refused()) }, () =>
      Promise.reject(new Error('out of reach')),
    )
    expect((await rejection(deaf.push(image, reference))).message).toBe('The registry refuses.')
  })
})
