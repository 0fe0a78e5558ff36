import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'

import { busyboxImage } from '../harness/base-image.js'
import { succeed } from '../harness/clean-step.js'
import { type CacheService, startCacheService } from '../harness/cache-service.js'
import { removeFolders } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { type Registry, startRegistry } from '../harness/registry.js'
import { type StepOptions, withoutMasks } from '../harness/runner.js'
import { exhaustively } from '../harness/test-set.js'
import { startTokenServer, type TokenServer } from '../harness/token-server.js'

jest.setTimeout(180_000)

const login = { username: 'ada', password: 'pass word-77!' }
let service: CacheService
let open: Registry
let tokens: TokenServer

beforeAll(async () => {
  service = await startCacheService()
  open = await startRegistry()
  await busyboxImage(open.host)
  tokens = await startTokenServer({ login })
})

afterAll(async () => {
  await service.stop()
  await open.stop()
  await tokens.stop()
  await removeFolders()
})

/** A step that pushes to a registry with a login, on a base image of the open one. */
function job(registry: Registry, scope: string, tags: string): StepOptions {
  return {
    inputs: {
      images: `${registry.host}/acme/web`,
      // The reference in the open registry is there so that plain HTTP is allowed for its base image.
      tags: `${tags}\n${open.host}/acme/copy:latest`,
      ...{ push: 'true', 'tls-verify': 'false', unchanged: 'skip', 'cache-scope': scope },
      ...login,
      registry: registry.host,
    },
    env: service.environment(),
    workspace: { Dockerfile: `FROM ${open.host}/base/busybox:1\nRUN true\n` },
  }
}

test('the login of the step is enough, and is in no log', async () => {
  const registry = await startRegistry({ login })
  try {
    const cold = await succeed(job(registry, 'login', 'latest'))
    const again = await succeed(job(registry, 'login', 'latest'))
    const more = await succeed(job(registry, 'login', 'latest\nmore'))
    expect(cold.outputs['built']).toBe('true')
    for (const { outputs } of [again, more])
      expect(outputs).toMatchObject({ built: 'false', digest: cold.outputs['digest'] })
    const there = await pullImage(`${registry.host}/acme/web:more`, login)
    expect(there.digest).toBe(cold.outputs['digest'])
    for (const { log } of [cold, again, more]) expect(withoutMasks(log)).not.toContain(login.password)
  } finally {
    await registry.stop()
  }
})

exhaustively(test)(
  'a registry that wants its tokens fetched by plain HTTP gets no login of ours for them: it is built',
  async () => {
    const registry = await startRegistry({ token: tokens })
    try {
      await succeed(job(registry, 'tokens', 'latest'))
      const before = tokens.questions.length
      const again = await succeed(job(registry, 'tokens', 'latest'))
      expect(again.outputs['built']).toBe('true')
      expect(again.log).toContain("which doesn't use HTTPS, so no login is sent there.")
      // Buildah's own, which has its own idea of that.
      expect(tokens.questions.length).toBeGreaterThan(before)
    } finally {
      await registry.stop()
    }
  },
)
