import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { formatPlatform, nativePlatform } from '../../../../src/lib/platform.js'
import { RegistryError } from '../../../../src/errors.js'
import { parseReference } from '../../../../src/metadata/reference.js'
import { objectOf, parseObject } from '../../../../src/lib/json.js'
import type { Result } from '../../../../src/pipeline/result.js'
import { run } from '../../../../src/pipeline/run.js'
import { entriesOf, type PlatformEntry } from '../../../../src/registry/index-entries.js'
import { fakeCaches } from '../../cache/fake-cache.js'
import { type FakeEngineOptions, fakeEngines } from '../../engine/fake-engine.js'
import { contextOf, inputsOf, logOf, temporaryFolder } from '../../helpers.js'
import { fakeRegistries, type FakeRegistries } from '../../registry/fake-registries.js'
import { servicesOf } from '../services.js'

const native = formatPlatform(nativePlatform())
const SECRET = 'hush-the-first-secret'
const usual = { images: 'h.example/acme/web', tags: '1\n2', push: 'true', provenance: 'true' }

let workspace: string
let registries: FakeRegistries
beforeEach(() => {
  workspace = temporaryFolder()
  mkdirSync(join(workspace, 'temp'))
  writeFileSync(join(workspace, 'Dockerfile'), `FROM scratch\nARG TARGETARCH\nENV A=${SECRET}\n`)
  registries = fakeRegistries()
})

async function step(
  values: Readonly<Record<string, string>> = {},
  engine: FakeEngineOptions = {},
): Promise<{ result: Result; log: string }> {
  let result: Result | undefined
  const log = await logOf(async () => {
    const context = contextOf({ workspace, temp: join(workspace, 'temp'), uid: process.getuid?.() ?? 0 })
    const services = servicesOf({
      engines: fakeEngines({ ...engine, registries }),
      caches: fakeCaches(),
      registries: registries.client,
    })
    result = await run(inputsOf({ ...usual, ...values }), context, services)
  })
  if (result === undefined) throw new Error('nothing came of it')
  return { result, log }
}

/** What the index under a tag has. */
async function entriesUnder(name: string): Promise<PlatformEntry[]> {
  const reference = parseReference(name)
  const { digest = '' } = (await registries.registries.resolve(reference)) ?? {}
  const { registry, repository } = reference
  return (await entriesOf(registries.registries, { registry, repository, digest })) ?? []
}

/** The statements that an attestation manifest names. */
async function statementsOf({ digest }: { readonly digest: string }): Promise<Readonly<Record<string, unknown>>[]> {
  const place = { registry: 'h.example', repository: 'acme/web' }
  const manifest = await registries.registries.fetchManifest({ ...place, digest })
  const { layers } = parseObject(String(manifest?.bytes)) as { layers: readonly { readonly digest: string }[] }
  const blobs = await Promise.all(layers.map((layer) => registries.registries.fetchBlob(place, layer.digest)))
  return blobs.map((bytes) => parseObject(bytes.toString()))
}

describe('provenance', () => {
  it('makes an index of one image and its attestation, under every tag', async () => {
    const { result } = await step()
    const [image, attestation, another] = await entriesUnder('h.example/acme/web:1')
    expect(another).toBeUndefined()
    expect(await entriesUnder('h.example/acme/web:2')).toStrictEqual([image, attestation])
    expect(formatPlatform(image?.platform ?? nativePlatform())).toBe(native)
    expect(result.platformDigests).toStrictEqual({ [native]: image?.digest })
    expect(result.imageId).not.toBe('')
    expect(result.pushed.map((one) => one.digest)).not.toContain(image?.digest)
    const [statement] = await statementsOf(attestation ?? { digest: '' })
    expect(statement?.['predicateType']).toBe('https://slsa.dev/provenance/v1')
    const builder = objectOf(objectOf(statement?.['predicate'])['runDetails'])['builder']
    expect(builder).toStrictEqual({ id: '' })
  })

  it('is that of each of several platforms, behind all images', async () => {
    const { result } = await step({ platforms: `linux/s390x,${native}` })
    const entries = await entriesUnder('h.example/acme/web:1')
    expect(entries.map(({ platform }) => formatPlatform(platform))).toStrictEqual([
      ...['linux/s390x', native],
      ...['unknown/unknown', 'unknown/unknown'],
    ])
    expect(Object.values(result.platformDigests)).toStrictEqual(entries.slice(0, 2).map(({ digest }) => digest))
    for (const [place, entry] of entries.slice(2).entries()) {
      expect(entry.annotations?.['vnd.docker.reference.digest']).toBe(entries[place]?.digest)
    }
  })

  it('has no secret in it, in no form and no mode', async () => {
    await step({ 'build-args': `A=${SECRET}`, secrets: `one=${SECRET}`, target: '0' })
    const [, attestation] = await entriesUnder('h.example/acme/web:1')
    const [statement] = await statementsOf(attestation ?? { digest: '' })
    const text = JSON.stringify(statement)
    expect(text).toContain('"build-arg:A":"***"')
    const decoded = text.replaceAll(/"data":"([^"]+)"/g, (_, data: string) => Buffer.from(data, 'base64').toString())
    expect(decoded).toContain('ENV A=***')
    expect(decoded).not.toContain(SECRET)
  })

  it('comes behind the documents of a generator, which has run before anything was pushed', async () => {
    const events: string[] = []
    registries.put(parseReference('h.example/scan:1'), {})
    const scan = () => Promise.resolve([{ name: 'sbom.spdx.json', text: '{"spdxVersion":"SPDX-2.3"}' }])
    const { result } = await step({ sbom: 'generator=h.example/scan:1' }, { events, scan })
    const [, attestation] = await entriesUnder('h.example/acme/web:1')
    const statements = await statementsOf(attestation ?? { digest: '' })
    expect(statements.map((one) => one['predicateType'])).toStrictEqual([
      'https://spdx.dev/Document',
      'https://slsa.dev/provenance/v1',
    ])
    expect(events.indexOf('scan by h.example/scan:1')).toBeLessThan(events.findIndex((one) => one.startsWith('push')))
    expect(result.phases.map(({ name }) => name)).toContain('SBOM')
  })

  it('and nothing else is pushed where the generator gives nothing', async () => {
    registries.put(parseReference('h.example/scan:1'), {})
    await expect(step({ sbom: 'generator=h.example/scan:1' })).rejects.toThrow('wrote no *.spdx.json')
    expect(registries.tags()).toStrictEqual(['h.example/scan:1'])
  })

  it('is refused before the build where the generator isn’t there', async () => {
    const events: string[] = []
    const asked = step({ sbom: 'generator=h.example/scan:1' }, { events })
    await expect(asked).rejects.toThrow(
      'Input "sbom": the generator h.example/scan:1 can\'t be pulled, since its registry has none with this name. Nothing was built.',
    )
    expect(events).not.toContain('build')
  })

  it('the same where nobody gets it without a login', async () => {
    registries.refuse(new RegistryError('h.example refuses.', 'Log in.', false, { refuses: true }), /^resolve/)
    const events: string[] = []
    await expect(step({ sbom: 'generator=h.example/scan:1' }, { events })).rejects.toThrow(
      /the generator h\.example\/scan:1 can't be pulled\. Nothing was built/,
    )
    expect(events).not.toContain('build')
    expect(registries.opened.at(-1)).toMatchObject({ logins: { auths: {} }, own: [] })
  })

  it('leaves a single image a single manifest where nobody asks for it', async () => {
    const { result } = await step({ provenance: 'false' })
    expect(Object.values(result.platformDigests)).toStrictEqual([result.pushed[0]?.digest])
  })
})
