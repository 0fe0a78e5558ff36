import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, describe, expect, jest, test } from '@jest/globals'

import { accountFor, testsAreRoot } from '../harness/account.js'
import { startCacheService } from '../harness/cache-service.js'
import { fail, succeed } from '../harness/clean-step.js'
import { type Fault, type FlakyProxy, startFlakyProxy } from '../harness/flaky-proxy.js'
import { makeFolder } from '../harness/folders.js'
import { contentOf } from '../harness/image-content.js'
import { pullImage } from '../harness/images.js'
import { readIndex } from '../harness/platform-images.js'
import { digestOf, getManifest } from '../harness/registry-client.js'
import { runAction, type StepOptions } from '../harness/runner.js'
import { exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'
import { statsOf } from '../harness/warm-steps.js'

jest.setTimeout(180_000)

/** Who asks for something to read takes silence of ten seconds for a failure. */
const LONGER_THAN_A_READ_MS = 11_000

const { registry } = await useRegistry()

const proxies: FlakyProxy[] = []
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.stop()))
})

/** The registry by a way with faults, until the end of the test. */
async function registryWith(...faults: readonly Fault[]): Promise<FlakyProxy> {
  const proxy = await startFlakyProxy(registry.host, faults)
  proxies.push(proxy)
  return proxy
}

/** Two platforms, without an emulator. @param said what is in the images */
const step = (
  host: string,
  name: string,
  said: string,
  inputs: Readonly<Record<string, string>> = {},
): StepOptions => ({
  workspace: {
    Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /app\nENV FOR=$TARGETARCH\n',
    ...{ amd64: `${said} for amd64`, arm64: `${said} for arm64` },
  },
  inputs: {
    ...{ images: `${host}/acme/${name}`, tags: '1', push: 'true', 'tls-verify': 'false', cache: 'off' },
    ...{ platforms: 'linux/amd64,linux/arm64', ...inputs },
  },
})

const digestAt = async (name: string): Promise<string> =>
  digestOf((await getManifest(`${registry.host}/acme/${name}:1`)).bytes)

describe('the index of several platforms', () => {
  /** A registry that holds back the answer to a request for good, and tells when it has come. */
  async function holding(method: string, path: RegExp) {
    let reached: () => void = () => undefined
    const isReached = new Promise<void>((resolve) => {
      reached = resolve
    })
    const meanwhile: Fault['meanwhile'] = () => {
      reached()
      return new Promise(() => undefined)
    }
    const proxy = await registryWith({ method, path, times: 9, answer: { status: 503 }, meanwhile })
    return { proxy, isReached }
  }

  test('moves no tag where the step is killed when the images are there and the index is not', async () => {
    await succeed(step(registry.host, 'killed', 'old'))
    const before = await digestAt('killed')
    const { proxy, isReached } = await holding('PUT', /\/manifests\/1$/)
    const options = step(proxy.host, 'killed', 'new')
    const killed = await runAction({ ...options, only: 'main', signal: { name: 'SIGKILL', when: isReached } })
    expect(killed.exitCode).toBe('SIGKILL')
    expect(proxy.count('PUT', /\/manifests\/sha256:/)).toBe(2)
    expect(await digestAt('killed')).toBe(before)
  })

  test('moves no tag where the step is cancelled while an image is pushed by its digest, and nothing is left', async () => {
    const { proxy, isReached } = await holding('PUT', /\/manifests\/sha256:/)
    const ended = await runAction({
      ...step(proxy.host, 'cancelled', 'one'),
      signal: { name: 'SIGTERM', when: isReached },
    })
    expect(ended).toMatchObject({ exitCode: 143, leftInTemp: [], leftRunning: [], runningBeforePost: [] })
    expect(ended.post?.exitCode).toBe(0)
    await expect(digestAt('cancelled')).rejects.toThrow('404')
  })

  test('moves no tag before a slow registry has every image, and is waited for longer than an answer to a question', async () => {
    await succeed(step(registry.host, 'slow', 'old', { tags: '1\n2' }))
    const before = await digestAt('slow')
    /** What was under the tag when the registry at last took something. */
    const seen: string[] = []
    let images = 0
    const slowly = (path: RegExp, wait: () => Promise<void>): Fault => ({
      ...{ method: 'PUT', path, times: 9, answer: 'pass' },
      meanwhile: async () => {
        await wait()
        seen.push(await digestAt('slow'))
      },
    })
    const proxy = await registryWith(
      // What is sent again is answered at once, so that it shows.
      slowly(/\/manifests\/sha256:/, () => (++images > 2 ? Promise.resolve() : sleep(LONGER_THAN_A_READ_MS))),
      slowly(/\/manifests\/1$/, () => Promise.resolve()),
    )
    const { outputs } = await succeed(step(proxy.host, 'slow', 'new', { tags: '1\n2' }))
    expect(images).toBe(2)
    expect(seen).toStrictEqual([before, before, before])
    expect(await digestAt('slow')).toBe(outputs['digest'])
    expect(outputs['digest']).not.toBe(before)
  })

  test('is not put where the registry refuses an image by its digest, which the error says', async () => {
    const refusal = { method: 'PUT', path: /\/manifests\/sha256:/, times: 99, answer: { status: 401 } }
    const proxy = await registryWith(refusal)
    const { error } = await fail(step(proxy.host, 'refused', 'one'))
    expect(error).toContain(proxy.host)
    expect(proxy.count('PUT', /\/manifests\/1$/)).toBe(0)
    await expect(digestAt('refused')).rejects.toThrow('404')
  })

  test('is not put where the registry takes no index, which the error says; no tag has moved', async () => {
    await succeed(step(registry.host, 'no-index', 'old'))
    const before = await digestAt('no-index')
    const errors = [{ code: 'MANIFEST_INVALID', message: 'manifest lists are not supported' }]
    const refusal = { method: 'PUT', path: /\/manifests\/1$/, times: 99, answer: { status: 400, errors } }
    const proxy = await registryWith(refusal)
    const { error } = await fail(step(proxy.host, 'no-index', 'new'))
    expect(error).toContain(`${proxy.host}/acme/no-index:1`)
    expect(error).toContain('manifest lists are not supported')
    expect(proxy.count('PUT', /\/manifests\/sha256:/)).toBe(2)
    expect(await digestAt('no-index')).toBe(before)
  })

  const reset = (times: number, meanwhile: Fault['meanwhile'] = () => Promise.resolve()): Fault => ({
    ...{ method: 'PUT', path: /\/manifests\/1$/, times, answer: 'cut', meanwhile },
  })

  test('is put again where the connection is reset, and no tag has moved by then', async () => {
    await succeed(step(registry.host, 'reset', 'old'))
    const before = await digestAt('reset')
    const seen: string[] = []
    const proxy = await registryWith(reset(1, async () => void seen.push(await digestAt('reset'))))
    const { outputs } = await succeed(step(proxy.host, 'reset', 'new'))
    expect(seen).toStrictEqual([before])
    expect(proxy.count('PUT', /\/manifests\/1$/)).toBe(2)
    expect(await digestAt('reset')).toBe(outputs['digest'])
  })

  // It is tried again for a minute.
  exhaustively(test)('has moved no tag where the connection is always reset', async () => {
    await succeed(step(registry.host, 'always', 'old'))
    const before = await digestAt('always')
    const proxy = await registryWith(reset(99))
    const { error } = await fail(step(proxy.host, 'always', 'new'))
    expect(error).toContain(`${proxy.host}/acme/always:1`)
    expect(await digestAt('always')).toBe(before)
  })

  exhaustively(test)('has the same digest in ten runs', async () => {
    const kept = makeFolder('kept', accountFor('user'))
    const inputs = { cache: 'directory', 'cache-dir': kept, unchanged: 'build' }
    const digests = new Set<string | undefined>()
    for (let turn = 0; turn < 10; turn += 1)
      digests.add((await succeed(step(registry.host, 'ten', 'one', inputs))).outputs['digest'])
    expect(digests.size).toBe(1)
  })

  if (testsAreRoot)
    exhaustively(test)('comes of builds that root hands to an account', async () => {
      const { outputs } = await succeed({ ...step(registry.host, 'handed', 'one'), as: 'root' })
      expect(outputs['rootless']).toBe('true')
      expect(await digestAt('handed')).toBe(outputs['digest'])
    })
})

test('each platform has its own layers in the cache service', async () => {
  const service = await startCacheService()
  try {
    const build = (said: string) =>
      succeed({ ...step(registry.host, 'cached', said, { cache: 'github' }), env: service.environment() })
    await build('old')
    const changed = await build('new')
    expect(statsOf(changed)).toMatchObject({ 'steps-hit': 2, 'steps-missed': 4 })
    const warm = await build('new')
    expect(warm.outputs['cache-hit']).toBe('full')
    expect(warm.outputs['digest']).toBe(changed.outputs['digest'])
    const { manifests } = readIndex((await getManifest(`${registry.host}/acme/cached:1`)).bytes)
    for (const { digest, platform } of manifests) {
      const image = await pullImage(`${registry.host}/acme/cached@${digest}`)
      expect(contentOf(image, 'app').toString()).toBe(`new for ${platform.architecture}`)
    }
  } finally {
    await service.stop()
  }
})
