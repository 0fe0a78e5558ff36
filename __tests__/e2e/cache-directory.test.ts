import { statSync } from 'node:fs'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import {
  bytesIn,
  cacheDirectory,
  directoryStep,
  idsIn,
  indexFile,
  indexOf,
  recordsIn,
  scopeIn,
  scopesIn,
  withFiles,
} from '../harness/cache-directory-steps.js'
import { contentOf, recover, setUpStand, type Stand, STEPS } from '../harness/cache-fault-steps.js'
import { fail, succeed } from '../harness/clean-step.js'
import { removeFolders } from '../harness/folders.js'
import type { StepResult } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { exhaustively } from '../harness/test-set.js'
import { countHits, stepsOf } from '../harness/warm-steps.js'

jest.setTimeout(300_000)

let stand: Stand

beforeAll(async () => {
  stand = await setUpStand()
})

afterAll(async () => {
  await stand.stop()
  await removeFolders()
})

function statsOf({ outputs }: StepResult): Record<string, number> {
  return JSON.parse(outputs['cache-stats'] ?? '') as Record<string, number>
}

/** Layers that lie there are those that the records name, and no build has left a container. */
function expectTidy(scope: string): void {
  expect(idsIn(scope, 'overlay')).toStrictEqual(recordsIn(scope, 'layers'))
  expect(idsIn(scope, 'overlay-images')).toStrictEqual(recordsIn(scope, 'images'))
  expect(idsIn(scope, 'overlay-containers')).toStrictEqual([])
}

test('cold, then warm: all steps are there, and nothing is moved; then with a changed file', async () => {
  const directory = cacheDirectory()
  const cold = await recover(stand, directoryStep(stand, directory))
  expect(cold.outputs['cache-hit']).toBe('none')
  const scope = scopeIn(directory)
  const root = statSync(join(scope, 'root')).ino
  expect(statSync(join(scope, 'root')).mode & 0o777).toBe(0o700)
  const { images } = indexOf(scope)
  const warm = await recover(stand, directoryStep(stand, directory))
  expect(stepsOf(warm).hit).toHaveLength(STEPS)
  expect(stepsOf(warm).ran).toStrictEqual([])
  // And the base image.
  expect(images).toHaveLength(countHits(warm) + 1)
  expect(warm.outputs).toMatchObject({
    'cache-hit': 'full',
    digest: cold.outputs['digest'],
    imageid: cold.outputs['imageid'],
  })
  expect(statsOf(warm)).toMatchObject({
    ...{ 'steps-hit': STEPS, 'steps-missed': 0, requests: 0 },
    ...{ 'parts-restored': 0, 'parts-saved': 0, 'bytes-restored': 0, 'bytes-saved': 0 },
  })
  expect(statSync(join(scope, 'root')).ino).toBe(root)
  // In a sandbox, an older Buildah sees it at a path of its own.
  expect(warm.log).toMatch(new RegExp(`--root (${scope}/root|/\\.rootless-image-build) `))
  expectTidy(scope)

  // What stands on a changed file is built anew.
  const changed = await succeed(withFiles(directoryStep(stand, directory), { small: 'changed' }))
  expect(statsOf(changed)).toMatchObject({ 'steps-hit': 3, 'steps-missed': 2 })
  expect((await contentOf(stand.reference)).files['srv/small']?.size).toBe('changed'.length)
})

exhaustively(test)('a failed build leaves the steps that were good', async () => {
  const directory = cacheDirectory()
  const { workspace } = directoryStep(stand, directory)
  const whole = (workspace as { Dockerfile: string }).Dockerfile
  const broken = whole.replace('COPY small', 'RUN exit 3\nCOPY small')
  await fail(withFiles(directoryStep(stand, directory), { Dockerfile: broken }))
  const fixed = await recover(stand, directoryStep(stand, directory))
  expect(statsOf(fixed)).toMatchObject({ 'steps-hit': 3, 'steps-missed': 2 })
  expectTidy(scopeIn(directory))
})

exhaustively(test)('branches take turns, and each finds its own', async () => {
  const directory = cacheDirectory()
  const build = (branch: string) =>
    succeed(
      withFiles(directoryStep(stand, directory, {}, { env: { GITHUB_REF: `refs/heads/${branch}` } }), {
        small: branch,
      }),
    )
  const first = { a: await build('a'), b: await build('b') }
  for (const branch of ['a', 'b', 'a'] as const) {
    const again = await build(branch)
    expect(again.outputs).toMatchObject({ 'cache-hit': 'full', imageid: first[branch].outputs['imageid'] })
  }
})

describe('what is too old or too much goes from the index and from the disk', () => {
  const other = Buffer.alloc(5 * 2 ** 20, 'other')
  const once = 8 * 2 ** 20

  exhaustively(test)('cache-ttl', async () => {
    const directory = cacheDirectory()
    const build = (big: Uint8Array, ttl: string) =>
      succeed(withFiles(directoryStep(stand, directory, { 'cache-ttl': ttl }), { big }))
    await succeed(directoryStep(stand, directory))
    await build(other, '7d')
    const scope = scopeIn(directory)
    expect(bytesIn(scope)).toBeGreaterThan(once)
    const before = indexOf(scope).layers.length
    // All that this run doesn't use was used by one that began more than a second ago.
    expect((await build(other, '1s')).outputs['cache-hit']).toBe('full')
    expect(bytesIn(scope)).toBeLessThan(once)
    expect(indexOf(scope).layers).toHaveLength(before - 3)
    expectTidy(scope)
    expect((await build(other, '7d')).outputs['cache-hit']).toBe('full')
  })

  test('cache-max-size', async () => {
    const directory = cacheDirectory()
    const build = (big: Uint8Array) =>
      succeed(withFiles(directoryStep(stand, directory, { 'cache-max-size': '9MiB' }), { big }))
    await succeed(directoryStep(stand, directory))
    await build(other)
    const scope = scopeIn(directory)
    expect(bytesIn(scope)).toBeLessThan(once)
    expectTidy(scope)
    expect((await build(other)).outputs['cache-hit']).toBe('full')
    expect((await succeed(directoryStep(stand, directory))).outputs['cache-hit']).toBe('none')
  })

  exhaustively(test)('a cache-max-size that not even one build fits in', async () => {
    const directory = cacheDirectory()
    const build = () => recover(stand, directoryStep(stand, directory, { 'cache-max-size': '1MB' }))
    await build()
    expect((await build()).outputs['cache-hit']).not.toBe('full')
    expectTidy(scopeIn(directory))
  })
})

describe('where it lies', () => {
  const auto = { cache: 'auto' }

  exhaustively(test)('auto, without a service: in the tool cache', async () => {
    const toolCache = cacheDirectory()
    const build = () => recover(stand, stand.step(auto, { toolCache }))
    const cold = await build()
    const directory = join(toolCache, 'rootless-image-build/cache')
    expect(cold.log).toContain(`Cache: the folder "${directory}" (the runner offers no GitHub cache service)`)
    expect(scopesIn(directory)).toHaveLength(1)
    expect((await build()).outputs['cache-hit']).toBe('full')
  })

  exhaustively(test)('without a tool cache: where the user keeps caches', async () => {
    const home = cacheDirectory()
    const build = (env: Readonly<Record<string, string | undefined>>) =>
      recover(stand, stand.step(auto, { home, env: { RUNNER_TOOL_CACHE: undefined, ...env } }))
    await build({})
    expect(scopesIn(join(home, '.cache/rootless-image-build/cache'))).toHaveLength(1)
    const directory = cacheDirectory()
    await build({ XDG_CACHE_HOME: directory })
    expect(scopesIn(join(directory, 'rootless-image-build/cache'))).toHaveLength(1)
  })

  exhaustively(test)('each driver has a folder of its own', async () => {
    const directory = cacheDirectory()
    await recover(stand, directoryStep(stand, directory))
    const build = () => recover(stand, directoryStep(stand, directory, { 'storage-driver': 'vfs' }))
    expect((await build()).outputs['cache-hit']).toBe('none')
    expect((await build()).outputs['cache-hit']).toBe('full')
    expect((await recover(stand, directoryStep(stand, directory))).outputs['cache-hit']).toBe('full')
    expect(scopesIn(directory).map((path) => /-(overlay|vfs)-rootless-/.exec(path)?.[1])).toStrictEqual(
      expect.arrayContaining(['overlay', 'vfs']),
    )
  })

  exhaustively(test)('as docker/build-push-action names it', async () => {
    const directory = cacheDirectory()
    const [from, to] = [`type=local,src=${directory}`, `type=local,dest=${directory},mode=max`]
    const both = { 'cache-from': from, 'cache-to': to }
    await recover(stand, stand.step(both))
    expect((await recover(stand, stand.step(both))).outputs['cache-hit']).toBe('full')
    const reading = await succeed(withFiles(stand.step({ 'cache-from': from }), { small: 'read' }))
    expect(statsOf(reading)['steps-hit']).toBe(3)
    const again = await succeed(withFiles(stand.step({ 'cache-from': from }), { small: 'read' }))
    expect(statsOf(again)['steps-hit']).toBe(3)
    expect((await recover(stand, stand.step({ 'cache-to': to }))).outputs['cache-hit']).toBe('none')
  })

  testUnless(rootReason)('root that drops to an account: the root is the account’s', async () => {
    const directory = cacheDirectory('root')
    const options = directoryStep(stand, directory, { 'rootless-user': accountFor('user').name }, { as: 'root' })
    expect((await recover(stand, options)).outputs['rootless']).toBe('true')
    expect((await recover(stand, options)).outputs['cache-hit']).toBe('full')
    const scope = scopeIn(directory)
    expect(statSync(join(scope, 'root')).uid).toBe(accountFor('user').uid)
    expect(statSync(indexFile(scope)).uid).toBe(0)
    expectTidy(scope)
  })
})
