import { describe, expect, jest, test } from '@jest/globals'

import { fail, succeed } from '../harness/clean-step.js'
import {
  type Fault,
  type FlakyProxy,
  type Passed,
  type ScriptedError,
  startFlakyProxy,
} from '../harness/flaky-proxy.js'
import { pullImage } from '../harness/images.js'
import { freePort } from '../harness/loopback.js'
import { insecureRegistries } from '../harness/registries-conf.js'
import { startRegistry, statusOf } from '../harness/registry.js'
import { type StepOptions, type StepResult, withoutMasks } from '../harness/runner.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'
import { useRegistry } from '../harness/use-registry.js'

jest.setTimeout(180_000)

const manifests = /\/manifests\//
const stepLine = /^STEP \d/m

const { registry, base } = await useRegistry()

const unknown = {
  code: 'MANIFEST_BLOB_UNKNOWN',
  message: 'blob unknown to registry',
  detail: { digest: `sha256:${'0'.repeat(64)}` },
}
const invalid = { code: 'DIGEST_INVALID', message: 'provided digest did not match uploaded content' }

/** What docker-registry answers to a manifest one of whose blobs it doesn't find. */
const lost: readonly { readonly name: string; readonly errors: readonly ScriptedError[] }[] = [
  { name: 'which Buildah 1.28 tries again by itself', errors: [unknown] },
  // While another push of the same layer ends.
  { name: 'which Buildah leaves at that', errors: [invalid, unknown] },
]

/** How Buildah shows them: all, or the first. */
const lacking = /blob unknown to registry|digest invalid/

const lostOfSet = casesOfSet(lost, ({ errors }) => errors.length > 1)

/** A build with one RUN whose image goes to these names. */
function pushTo(images: string, inputs: Readonly<Record<string, string>> = {}): StepOptions {
  return {
    workspace: { Dockerfile: `FROM ${base}\nRUN head -c 300000 /dev/urandom >/noise\n` },
    inputs: { images, push: 'true', 'tls-verify': 'false', ...inputs },
    env: { CONTAINERS_REGISTRIES_CONF: insecureRegistries(registry.host) },
  }
}

async function throughProxy<T>(faults: readonly Fault[], body: (proxy: FlakyProxy) => Promise<T>): Promise<T> {
  const proxy = await startFlakyProxy(registry.host, faults)
  try {
    return await body(proxy)
  } finally {
    await proxy.stop()
  }
}

/** Milliseconds from each request that fits to the next one. */
function pauses({ requests }: FlakyProxy, method: string, path: RegExp): number[] {
  const times = requests.filter((one) => one.method === method && path.test(one.path)).map((one) => one.milliseconds)
  return times.slice(1).map((time, index) => time - (times[index] ?? 0))
}

/** Lines that tell of another try. Buildah tries some things again by itself, by its version and where a fault shows. */
function retries(log: string): string[] {
  return log.match(/^Push of .*(retrying in|attempt \d failed).*$/gm) ?? []
}

/** Digests of the blobs that were uploaded, in the order in which that was done. */
function uploaded(requests: readonly Passed[]): string[] {
  return requests
    .filter(({ method, answer }) => method === 'PUT' && answer === 201)
    .flatMap(({ path }) => new URL(path, 'http://registry').searchParams.getAll('digest'))
}

function expectNowhere(secret: string, step: StepResult): void {
  const shown = [withoutMasks(step.log), step.post?.log, step.summary, step.outputs, step.state].map((part) =>
    JSON.stringify(part),
  )
  for (const text of [secret, Buffer.from(`ada:${secret}`).toString('base64')]) {
    for (const part of shown) expect(part).not.toContain(text)
  }
}

describe('a login', () => {
  const password = 'not-the-right-horse'
  const login = { username: 'ada', password }

  test.each(casesOfSet(['user', 'root'] as const, (as) => as === 'user'))(
    'with a wrong password ends the step before the build (as %s)',
    async (as) => {
      const guarded = await startRegistry({ login: { username: 'ada', password: 'the right horse' } })
      try {
        const step = await fail({ ...pushTo(`${guarded.host}/acme/web`, login), as })
        expect(step.error).toContain(`Login to ${guarded.host} as "ada" failed`)
        expect(step.error).toMatch(/doesn't accept the user name and password.*"username", "password" and "registry"/)
        expect(step.log).not.toMatch(stepLine)
        // What the registry refuses is asked once.
        expect(step.log).not.toContain('attempt 1 failed')
        expectNowhere(password, step)
      } finally {
        await guarded.stop()
      }
    },
  )

  test('at a registry that is down ends the step before the build, after some more tries', async () => {
    const host = `127.0.0.1:${await freePort()}`
    const step = await fail(pushTo(`${host}/acme/web`, login))
    expect(step.error).toContain(`Login to ${host} as "ada" failed`)
    expect(step.error).toContain("The registry can't be reached from this machine")
    expect(step.log).not.toMatch(stepLine)
    for (const left of [3, 2, 1])
      expect(step.log).toContain(`Login to ${host}: attempt ${4 - left} failed, ${left} left`)
    expectNowhere(password, step)
  })
})

describe('a registry that gets better', () => {
  // What Buildah does by itself.
  exhaustively(test)('429 with Retry-After, twice: Buildah itself waits that long', async () => {
    const answer = { status: 429, headers: { 'retry-after': '3' } }
    await throughProxy([{ method: 'GET', path: /^\/v2\/$/, times: 2, answer }], async (proxy) => {
      const { outputs } = await succeed(pushTo(`${proxy.host}/acme/later`))
      expect(outputs['digest']).toBe((await pullImage(`${registry.host}/acme/later`)).digest)
      // Its own pause, without that header, would be 2 seconds.
      for (const pause of pauses(proxy, 'GET', /^\/v2\/$/).slice(0, 2)) expect(pause).toBeGreaterThanOrEqual(3000)
    })
  })

  exhaustively(test)('429 for the manifest, twice: it is pushed again, and the log says so', async () => {
    await throughProxy([{ method: 'PUT', path: manifests, times: 2, answer: { status: 429 } }], async (proxy) => {
      const { outputs, log } = await succeed(pushTo(`${proxy.host}/acme/busy`))
      expect(outputs['digest']).toBe((await pullImage(`${registry.host}/acme/busy`)).digest)
      expect(proxy.count('PUT', manifests)).toBe(3)
      for (const pause of pauses(proxy, 'PUT', manifests)) expect(pause).toBeGreaterThanOrEqual(1000)
      expect(retries(log)).toHaveLength(2)
    })
  })

  test('503 for the manifest, twice: it is pushed again after a pause, and the log says so', async () => {
    await throughProxy([{ method: 'PUT', path: manifests, times: 2, answer: { status: 503 } }], async (proxy) => {
      const { outputs, log } = await succeed(pushTo(`${proxy.host}/acme/ill`))
      expect(outputs['digest']).toBe((await pullImage(`${registry.host}/acme/ill`)).digest)
      const [first, second] = pauses(proxy, 'PUT', manifests)
      expect(first).toBeGreaterThanOrEqual(1000)
      expect(second).toBeGreaterThanOrEqual(2000)
      expect(retries(log)).toHaveLength(2)
      expect(log).toContain('503 Service Unavailable')
    })
  })

  exhaustively(test)('a tag that looks like a status is none', async () => {
    await throughProxy([{ method: 'PUT', path: manifests, times: 1, answer: { status: 503 } }], async (proxy) => {
      const { log } = await succeed(pushTo(`${proxy.host}/acme/tag`, { tags: '404' }))
      expect(retries(log)).toHaveLength(1)
      expect(proxy.count('PUT', manifests)).toBe(2)
    })
  })

  test('a push that is cut half way once is made again, once', async () => {
    const cut = { method: 'PATCH', path: /\/blobs\/uploads\//, times: 1, answer: 'cut' } as const
    await throughProxy([cut], async (proxy) => {
      const { outputs, log } = await succeed(pushTo(`${proxy.host}/acme/cut`))
      expect(proxy.requests.filter(({ answer }) => answer === 'cut')).toHaveLength(1)
      expect(outputs['digest']).toBe((await pullImage(`${registry.host}/acme/cut`)).digest)
      expect(proxy.count('PUT', manifests)).toBe(1)
      expect(retries(log)).toHaveLength(1)
    })
  })

  test.each(lostOfSet)('what it lacks of a push it gets again ($name)', async ({ errors }) => {
    const repository = `acme/lacks-${errors.length}`
    const forget = async (requests: readonly Passed[]): Promise<void> => {
      for (const digest of uploaded(requests))
        await fetch(`http://${registry.host}/v2/${repository}/blobs/${digest}`, { method: 'DELETE' })
    }
    const fault = { method: 'PUT', path: manifests, times: 1, answer: { status: 400, errors }, meanwhile: forget }
    await throughProxy([fault], async (proxy) => {
      const { outputs, log } = await succeed(pushTo(`${proxy.host}/${repository}`))
      expect(outputs['digest']).toBe((await pullImage(`${registry.host}/${repository}`)).digest)
      expect(proxy.count('PUT', manifests)).toBe(2)
      const digests = uploaded(proxy.requests)
      const blobs = new Set(digests)
      expect(blobs.size).toBeGreaterThan(1)
      for (const blob of blobs) expect(digests.filter((digest) => digest === blob)).toHaveLength(2)
      expect(retries(log)).toStrictEqual([expect.stringMatching(lacking)])
    })
  })
})

describe('a registry that does not', () => {
  const refusals: readonly (readonly [status: number, message: RegExp])[] = [
    [401, /doesn't accept the user name and password/],
    [403, /There is no login for .*, and it requires one/],
    [404, /name unknown/],
  ]

  test.each(casesOfSet(refusals, ([status]) => status === 403))('%i is not tried again', async (status, message) => {
    await throughProxy([{ method: 'PUT', path: manifests, times: 99, answer: { status } }], async (proxy) => {
      const { error, log, outputs } = await fail(pushTo(`${proxy.host}/acme/no${status}`))
      expect(error).toContain(`Not pushed: ${proxy.host}/acme/no${status}:latest. Nothing was pushed.`)
      expect(error).toMatch(message)
      expect(log).not.toContain('attempt 1 failed')
      expect(proxy.count('PUT', manifests)).toBe(1)
      expect(outputs['digest'] ?? '').toBe('')
    })
  })

  exhaustively(test)('a push that is always cut half way fails after some tries and names the reference', async () => {
    const cut = { method: 'PATCH', path: /\/blobs\/uploads\//, times: 999, answer: 'cut' } as const
    await throughProxy([cut], async (proxy) => {
      const { error, log } = await fail(pushTo(`${proxy.host}/acme/torn`))
      expect(error).toContain(`Not pushed: ${proxy.host}/acme/torn:latest. Nothing was pushed.`)
      for (const left of [3, 2, 1]) expect(log).toContain(`attempt ${4 - left} failed, ${left} left`)
      expect(await statusOf(`http://${registry.host}/v2/acme/torn/manifests/latest`)).toBe(404)
    })
  })

  for (const { name, errors } of lost)
    exhaustively(test)(`what always lacks something of a push fails soon, with a hint (${name})`, async () => {
      await throughProxy(
        [{ method: 'PUT', path: manifests, times: 99, answer: { status: 400, errors } }],
        async (proxy) => {
          const { error, log } = await fail(pushTo(`${proxy.host}/acme/forgets`))
          expect(error).toContain(`Not pushed: ${proxy.host}/acme/forgets:latest. Nothing was pushed.`)
          expect(error).toMatch(lacking)
          expect(error.split("The registry doesn't find content that was just pushed to it.")).toHaveLength(2)
          // Twice by the action, or three times by Buildah.
          expect([3, 4]).toContain(proxy.count('PUT', manifests))
          expect(log).not.toContain('attempt 3 failed')
        },
      )
    })

  exhaustively(test)(
    'of two registries and two tags one reference fails: the others are pushed, that one is named',
    async () => {
      const refused = { method: 'PUT', path: /\/manifests\/bad$/, times: 99, answer: { status: 403 } }
      await throughProxy([refused], async (proxy) => {
        const images = [`${proxy.host}/acme/one`, `${registry.host}/acme/two`]
        const { error } = await fail(pushTo(images.join('\n'), { tags: 'bad\ngood' }))
        expect(error).toContain(`Not pushed: ${proxy.host}/acme/one:bad. Pushed: `)
        const first = await pullImage(`${registry.host}/acme/one:good`)
        for (const tag of ['bad', 'good']) {
          const other = await pullImage(`${registry.host}/acme/two:${tag}`)
          expect(other.manifest.config.digest).toBe(first.manifest.config.digest)
          expect(error).toContain(`${registry.host}/acme/two:${tag}`)
        }
        expect(error.split('\n')[0]).toContain(`${proxy.host}/acme/one:good`)
        expect(await statusOf(`http://${registry.host}/v2/acme/one/manifests/bad`)).toBe(404)
      })
    },
  )

  // Buildah itself tries as well, and waits for half a minute.
  exhaustively(test)(
    'without a login, one that is down is found out at the push, and tried some more times',
    async () => {
      const host = `127.0.0.1:${await freePort()}`
      const { error, log } = await fail(pushTo(`${host}/acme/web`))
      expect(log).toMatch(stepLine)
      expect(error).toContain(`Not pushed: ${host}/acme/web:latest. Nothing was pushed.`)
      expect(error).toContain("The registry can't be reached from this machine")
      for (const left of [3, 2, 1]) expect(log).toContain(`attempt ${4 - left} failed, ${left} left`)
    },
  )
})
