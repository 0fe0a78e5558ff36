import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { parse } from 'yaml'

import { type CacheService, startCacheService } from '../harness/cache-service.js'
import { fail, succeed } from '../harness/clean-step.js'
import { type Fault, type FlakyProxy, startFlakyProxy } from '../harness/flaky-proxy.js'
import { ownArchitecture, readIndex } from '../harness/platform-images.js'
import { pretendArm64 } from '../harness/pretend-arm64.js'
import { readPlatforms } from '../harness/read-index.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { digestOf, getManifest } from '../harness/registry-client.js'
import { repository } from '../harness/runner-files.js'
import type { StepOptions, StepResult } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(300_000)

const { registry, base } = await useRegistry()
const onAmd64 = testUnless(ownArchitecture() === 'amd64' ? undefined : 'this machine is itself one of arm64')
const arm64 = pretendArm64()
const common = { push: 'true', 'tls-verify': 'false', cache: 'off' }
const example = readFileSync(join(repository, 'examples/native-runners/.github/workflows/build.yml'), 'utf8')
const workspace = { Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY hello /hello-$TARGETARCH\n', hello: 'hello\n' }

/** The inputs of the example's last step, which says nothing about the registry of the tests. */
function inputsOfExample(): Readonly<Record<string, string>> {
  const { jobs } = parse(example) as {
    readonly jobs: { readonly image: { readonly steps: readonly { readonly with: Record<string, unknown> }[] } }
  }
  const { images, username, password, ...inputs } = jobs.image.steps.at(-1)?.with ?? {}
  expect([images, username, password]).not.toContain(undefined)
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, String(value)]))
}

/** The tags that a repository has; undefined where it has none. */
async function tagsOf(repository: string): Promise<readonly string[] | undefined> {
  const answer = await fetch(`http://${registry.host}/v2/${repository}/tags/list`)
  if (!answer.ok) return undefined
  const { tags } = (await answer.json()) as { readonly tags: string[] | null }
  return tags?.sort()
}

describe('images pushed by digest', () => {
  const images = () => `${registry.host}/acme/by-digest`
  const leg = (further: Partial<StepOptions> = {}): Promise<StepResult> =>
    succeed({
      workspace: { ...workspace, Dockerfile: `FROM ${base}\nCOPY hello /hello\n` },
      inputs: {
        ...common,
        images: images(),
        push: 'false',
        outputs: 'type=image,push-by-digest=true,name-canonical=true,push=true',
      },
      ...further,
    })

  test('have no tag, and are joined by a step that builds nothing', async () => {
    const { outputs } = await leg()
    const digest = outputs['digest'] ?? ''
    expect(digestOf((await getManifest(`${images()}@${digest}`)).bytes)).toBe(digest)
    expect(await tagsOf('acme/by-digest')).toBeUndefined()

    const step = { ...common, images: images(), tags: '1\n2', digests: digest, annotations: 'index:team=all' }
    const missing = `sha256:${'0'.repeat(64)}`
    const { error } = await fail({ inputs: { ...step, digests: `${digest}\n${missing}` } })
    expect(error).toContain(`Input "digests": ${images()} doesn't have ${missing}. Nothing was tagged.`)
    expect(await tagsOf('acme/by-digest')).toBeUndefined()

    const joined = await succeed({ inputs: step })
    const index = await getManifest(`${images()}:2`)
    expect(joined.outputs).toMatchObject({ digest: digestOf(index.bytes), joined: 'true', imageid: '', engine: '' })
    expect(readIndex(index.bytes).manifests).toMatchObject([{ digest, platform: { os: 'linux' } }])
    expect(readIndex(index.bytes).annotations).toStrictEqual({ team: 'all' })
    expect(await tagsOf('acme/by-digest')).toStrictEqual(['1', '2'])
  })

  test('go where registries.conf alone allows plain HTTP, and are joined there', async () => {
    const env = { CONTAINERS_REGISTRIES_CONF: insecureRegistries(registry.host) }
    const image = { images: `${registry.host}/acme/by-configuration`, 'tls-verify': 'true', cache: 'off' }
    const pushed = 'type=image,push-by-digest=true,name-canonical=true,push=true'
    const { outputs } = await leg({ env, inputs: { ...image, outputs: pushed } })
    const digests = outputs['digest'] ?? ''
    const joined = await succeed({ env, inputs: { ...image, push: 'true', digests } })
    expect(joined.outputs['joined']).toBe('true')
    expect(await tagsOf('acme/by-configuration')).toStrictEqual(['latest'])
  })
})

/** A step that pushes an image by its digest to a registry with faults. */
async function pushTo(
  faults: readonly Fault[],
  push: typeof succeed | typeof fail,
): Promise<FlakyProxy & { log: string }> {
  const proxy = await startFlakyProxy(registry.host, faults)
  const outputs = 'type=image,push-by-digest=true,push=true'
  try {
    const inputs = { 'tls-verify': 'false', cache: 'off', images: `${proxy.host}/acme/faulty`, outputs }
    return { ...proxy, log: (await push({ workspace, inputs })).log }
  } finally {
    await proxy.stop()
  }
}

describe('a push by digest', () => {
  test('is tried again where the registry is busy, and where the connection breaks', async () => {
    const pushed = await pushTo(
      [
        { method: 'PATCH', path: /uploads/, times: 1, answer: 'cut' },
        { method: 'PUT', path: /manifests/, times: 1, answer: { status: 503 } },
      ],
      succeed,
    )
    expect(pushed.log).toMatch(new RegExp(`^Pushed ${pushed.host}/acme/faulty@sha256:[0-9a-f]{64}$`, 'm'))
    expect(pushed.count('PUT', /manifests\/sha256:/)).toBe(2)
    expect(pushed.count('PUT', /manifests\/(?!sha256:)/)).toBe(0)
  })

  test('says what a push by a tag would where it is refused, and names the registry', async () => {
    const { log, host } = await pushTo([{ method: 'PATCH', path: /uploads/, times: 99, answer: { status: 403 } }], fail)
    expect(log).toContain(`Not pushed: ${host}/acme/faulty. Nothing was pushed.`)
    expect(log).toMatch(/denied/)
    const others = [...log.matchAll(/127\.0\.0\.1:\d+/g)].map(([name]) => name)
    expect(new Set(others)).toStrictEqual(new Set([host]))
  })

  test('is refused before the build where it may not begin', async () => {
    const { log, host } = await pushTo([{ method: 'POST', path: /uploads/, times: 99, answer: { status: 403 } }], fail)
    expect(log).toContain(`Input "push": nothing was built, since ${host}/acme/faulty can't be pushed.`)
    expect(log).not.toContain('STEP 1')
  })
})

describe('a matrix of runners', () => {
  let service: CacheService
  beforeAll(async () => {
    // As GitHub's does at times.
    service = await startCacheService({ lookupDelay: 5000 })
  })
  afterAll(() => service.stop())

  const leg = (further: Partial<StepOptions> = {}): StepOptions => ({
    workspace,
    ...further,
    inputs: {
      ...{ ...common, ...inputsOfExample(), images: `${registry.host}/acme/web` },
      annotations: 'index:team=all\nmanifest[linux/arm64]:chip=arm\nmanifest-descriptor[linux/arm64]:fast=no',
      ...further.inputs,
    },
    env: { ...service.environment(), ...further.env },
  })

  onAmd64('builds each platform where it runs, and the last one joins them', async () => {
    // The record is stored under another name where the answer to the first one was lost.
    const lost = service.script({ call: 'CreateCacheEntry', key: /-leg-/, times: 1, answer: 'cut' })
    const first = await succeed(leg())
    expect(lost.hits).toBe(1)
    expect(first.outputs).toMatchObject({ joined: 'false', digest: '' })
    expect(await tagsOf('acme/web')).toBeUndefined()
    const second = await succeed(leg(arm64))
    expect(second.outputs['joined']).toBe('true')

    const index = await getManifest(`${registry.host}/acme/web:latest`)
    expect(second.outputs['digest']).toBe(digestOf(index.bytes))
    const { manifests, annotations } = readIndex(index.bytes)
    expect(annotations).toStrictEqual({ team: 'all' })
    expect(manifests.map((one) => one.annotations)).toStrictEqual([undefined, { fast: 'no' }])
    const [ofAmd64, ofArm64] = await Promise.all(
      manifests.map((one) => getManifest(`${registry.host}/acme/web@${one.digest}`)),
    )
    expect(JSON.parse(ofAmd64?.bytes.toString() ?? '')).not.toHaveProperty('annotations.chip')
    expect(JSON.parse(ofArm64?.bytes.toString() ?? '')).toHaveProperty('annotations.chip', 'arm')
    expect(manifests.map(({ platform }) => platform.architecture)).toStrictEqual(['amd64', 'arm64'])
    expect(JSON.parse(second.outputs['platform-digests'] ?? '')).toStrictEqual({
      'linux/amd64': manifests[0]?.digest,
      'linux/arm64': manifests[1]?.digest,
    })
    const both = ['linux/amd64', 'linux/arm64']
    expect(await readPlatforms(`${registry.host}/acme/web:latest`, both)).toStrictEqual({ skopeo: both, buildah: both })

    // A job that is run again finds all numbers taken, and the record of the other one.
    const again = await succeed(leg({ env: { GITHUB_RUN_ATTEMPT: '2' } }))
    expect(again.outputs['joined']).toBe('true')
    const tagged = readIndex((await getManifest(`${registry.host}/acme/web:latest`)).bytes)
    expect(tagged.manifests[1]).toStrictEqual(manifests[1])
  })

  test('fails at once on a runner of none of the platforms', async () => {
    const { error } = await fail(leg({ inputs: { platforms: 'linux/s390x' } }))
    expect(error).toContain('Input "platforms": none of linux/s390x runs on this runner')
  })
})
