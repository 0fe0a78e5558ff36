import { describe, expect, it } from '@jest/globals'
import { parseReference, repositoryOf } from '../../../../src/metadata/reference.js'
import { run } from '../../../../src/pipeline/run.js'
import { imageIndex } from '../../../../src/registry/image-index.js'
import type { Result } from '../../../../src/pipeline/result.js'
import { contextOf, inputsOf, logOf } from '../../helpers.js'
import { fakeRegistries } from '../../registry/fake-registries.js'
import { servicesOf } from '../services.js'

const web = repositoryOf(parseReference('h.example/acme/web'))

interface Outcome {
  readonly value?: Result
  readonly error?: unknown
  readonly log: string
}

/** What a step comes to. */
async function outcomeOf(start: () => Promise<Result>): Promise<Outcome> {
  let outcome: Omit<Outcome, 'log'> = {}
  const log = await logOf(async () => {
    outcome = await start().then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
  })
  return { ...outcome, log }
}

/** A registry with an image for each of two platforms, and a step that joins some digests. */
function world() {
  const fake = fakeRegistries()
  const amd64 = fake.putByDigest(web, { os: 'linux', architecture: 'amd64' })
  const arm64 = fake.putByDigest(web, { os: 'linux', architecture: 'arm64' })
  const join = (digests: readonly string[], inputs: Readonly<Record<string, string>> = {}) =>
    outcomeOf(() =>
      run(
        inputsOf({ images: 'h.example/acme/web', tags: '1\n2', push: 'true', digests: digests.join('\n'), ...inputs }),
        contextOf(),
        servicesOf({ registries: fake.client }),
      ),
    )
  return { fake, amd64, arm64, join }
}

describe('the input digests', () => {
  it('makes one index of images that are there, under every tag', async () => {
    const { fake, amd64, arm64, join } = world()
    const { value, error } = await join([arm64.digest, amd64.digest])
    expect(error).toBeUndefined()
    const index = imageIndex([
      { ...arm64, platform: { os: 'linux', architecture: 'arm64' } },
      { ...amd64, platform: { os: 'linux', architecture: 'amd64' } },
    ])
    expect(fake.tags()).toStrictEqual(['h.example/acme/web:1', 'h.example/acme/web:2'])
    const there = await fake.registries.fetchManifest({ ...web, digest: index.digest })
    expect(there?.bytes.toString()).toBe(index.bytes.toString())
    expect(value).toMatchObject({ built: false, joined: true, imageId: '', engine: undefined })
    expect(value?.pushed.map(({ digest }) => digest)).toStrictEqual([index.digest, index.digest])
    expect(value?.platformDigests).toStrictEqual({ 'linux/arm64': arm64.digest, 'linux/amd64': amd64.digest })
  })

  it('takes an index apart, and keeps its attestations', async () => {
    const { fake, amd64, arm64, join } = world()
    const annotations = { 'vnd.docker.reference.digest': amd64.digest }
    const attestation = {
      ...fake.putByDigest(web, {}),
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations,
    }
    const given = imageIndex([{ ...amd64, platform: { os: 'linux', architecture: 'amd64' } }, attestation])
    await fake.registries.putManifest({ ...web, digest: given.digest }, given)
    const { value } = await join([given.digest, arm64.digest])
    const digest = value?.pushed[0]?.digest ?? ''
    const joined = await fake.registries.fetchManifest({ ...web, digest })
    const { manifests } = JSON.parse(joined?.bytes.toString() ?? '') as { manifests: readonly object[] }
    expect(manifests).toMatchObject([{ digest: amd64.digest }, attestation, { digest: arm64.digest }])
    expect(value?.platformDigests).toStrictEqual({ 'linux/amd64': amd64.digest, 'linux/arm64': arm64.digest })
  })

  it('takes an image over into another repository of the registry', async () => {
    const { fake, amd64, join } = world()
    const { error } = await join([amd64.digest], { images: 'h.example/acme/web\nh.example/acme/mirror', tags: '1' })
    expect(error).toBeUndefined()
    expect(fake.tags()).toStrictEqual(['h.example/acme/mirror:1', 'h.example/acme/web:1'])
    const mirror = repositoryOf(parseReference('h.example/acme/mirror'))
    await expect(fake.registries.resolve({ ...mirror, digest: amd64.digest })).resolves.toBeDefined()
  })

  const missing = `sha256:${'0'.repeat(64)}`
  it.each([
    ['that isn’t there', missing, {}, `h.example/acme/web doesn't have ${missing}`],
    [
      'that isn’t in another registry',
      '',
      { images: 'h.example/acme/web\ni.example/acme/web' },
      "i.example/acme/web doesn't",
    ],
  ])('refuses a digest %s before anything is tagged', async (_, digest, inputs, message) => {
    const { fake, amd64, join } = world()
    const { error } = await join([amd64.digest, ...(digest === '' ? [] : [digest])], inputs)
    expect(String(error)).toContain('Input "digests": ')
    expect(String(error)).toContain(message)
    expect(fake.tags()).toStrictEqual([])
  })

  it('refuses two images of one platform', async () => {
    const { fake, amd64, join } = world()
    const other = fake.putByDigest(web, { os: 'linux', architecture: 'amd64', config: {} })
    const { error } = await join([amd64.digest, other.digest])
    expect(String(error)).toContain(`${amd64.digest} and ${other.digest} are both for linux/amd64. Nothing was tagged.`)
    expect(fake.tags()).toStrictEqual([])
  })

  it('knows a platform by any of its names', async () => {
    const { fake, amd64, arm64, join } = world()
    const v8 = { ...fake.putByDigest(web, {}), platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } }
    const given = imageIndex([v8])
    await fake.registries.putManifest({ ...web, digest: given.digest }, given)
    const { error } = await join([given.digest, arm64.digest])
    expect(String(error)).toContain(`${v8.digest} and ${arm64.digest} are both for linux/arm64. Nothing was tagged.`)
    expect(fake.tags()).toStrictEqual([])
    const { value } = await join([given.digest, amd64.digest])
    expect(value?.platformDigests).toStrictEqual({ 'linux/arm64': v8.digest, 'linux/amd64': amd64.digest })
  })

  it.each([
    { platforms: 'linux/amd64' },
    { load: 'true' },
    { outputs: 'type=oci,dest=x' },
    { test: 'web --version' },
    { provenance: 'true' },
    { sbom: 'true' },
  ])('has no place for %j', async (inputs) => {
    const { fake, amd64, join } = world()
    const { error } = await join([amd64.digest], inputs)
    const [name = ''] = Object.keys(inputs)
    expect(String(error)).toContain(`Input "${name}": has no place beside "digests", with which nothing is built.`)
    expect(fake.asked).toStrictEqual([])
  })

  it.each([{ platforms: 'linux/amd64,linux/arm64' }, { platforms: 'linux/amd64', distribute: 'true' }])(
    'isn’t needed for an image without a tag of %j',
    async (inputs) => {
      const { join } = world()
      const { error } = await join([], { ...inputs, outputs: 'type=image,push-by-digest=true,push=true' })
      expect(String(error)).toContain('Input "outputs": got type=image with push-by-digest=true')
    },
  )

  it('tags nothing without push', async () => {
    const { fake, amd64, join } = world()
    const { value } = await join([amd64.digest], { push: 'false' })
    expect(fake.tags()).toStrictEqual([])
    expect(value).toMatchObject({ joined: false, pushed: [] })
  })

  it('looks for them where the images are, also if no tag applies', async () => {
    const { amd64, join } = world()
    const untagged = { push: 'false', tags: 'type=ref,event=tag' }
    const { value, error } = await join([amd64.digest], untagged)
    expect(error).toBeUndefined()
    expect(value).toMatchObject({ pushed: [], platformDigests: { 'linux/amd64': amd64.digest } })
    expect(String((await join([missing], untagged)).error)).toContain(`h.example/acme/web doesn't have ${missing}`)
  })

  it.each([{ 'dry-run': 'true' }, { push: 'false' }])('writes nothing with %j', async (inputs) => {
    const { fake, amd64, arm64, join } = world()
    const images = 'h.example/acme/web\nh.example/acme/mirror'
    const { value, error } = await join([amd64.digest, arm64.digest], { images, artifacts: 'true', ...inputs })
    expect(error).toBeUndefined()
    expect(value).toMatchObject({ joined: false, pushed: [], verifications: [] })
    expect(fake.asked.filter((question) => !/^(manifest|blob|resolve) /.test(question))).toStrictEqual([])
  })

  it('says in a dry run which index would be put where', async () => {
    const { amd64, arm64, join } = world()
    const digests = [amd64.digest, arm64.digest]
    const { log } = await join(digests, { 'dry-run': 'true' })
    const { value } = await join(digests)
    expect(log).toContain(
      `Dry run: nothing is built or pushed.
Index ${value?.pushed[0]?.digest ?? ''} of:
  linux/amd64: ${amd64.digest}
  linux/arm64: ${arm64.digest}
References:
  h.example/acme/web:1
  h.example/acme/web:2
`,
    )
  })

  it('gives the index its annotations, and its images theirs in it', async () => {
    const { fake, amd64, arm64, join } = world()
    const annotations = 'index:team=all\nmanifest-descriptor[linux/arm64]:fast=no'
    const { value, log } = await join([amd64.digest, arm64.digest], { annotations })
    const there = await fake.registries.fetchManifest({ ...web, digest: value?.pushed[0]?.digest ?? '' })
    expect(JSON.parse(there?.bytes.toString() ?? '')).toMatchObject({
      annotations: { team: 'all' },
      manifests: [{ digest: amd64.digest }, { digest: arm64.digest, annotations: { fast: 'no' } }],
    })
    expect(log).not.toContain('::warning::')
    const dry = await join([amd64.digest], { annotations, 'dry-run': 'true' })
    expect(dry.log).toContain('Annotations:\n  team=all\n')
  })

  it('says which annotations it has no place for', async () => {
    const { amd64, join } = world()
    const { log } = await join([amd64.digest], {
      annotations: '# x=1\na=1\nmanifest[linux/amd64]:b=2\nindex,manifest:c=3',
    })
    expect(log).toContain(
      '::warning::annotations: a, c, b are of manifests, which are there already and stay as they are. For the index, write index: before them.\n',
    )
  })

  it('refuses in a dry run what a real one refuses', async () => {
    const { amd64, join } = world()
    const { error } = await join([amd64.digest, missing], { 'dry-run': 'true' })
    expect(String(error)).toContain(`h.example/acme/web doesn't have ${missing}`)
  })
})
