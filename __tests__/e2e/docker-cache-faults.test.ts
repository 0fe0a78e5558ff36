import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, jest } from '@jest/globals'

import { flipped, newestKeys, rewrite } from '../harness/cache-archives.js'
import { succeed } from '../harness/clean-step.js'
import { dockerReason } from '../harness/docker-daemon.js'
import { makeFolder } from '../harness/folders.js'
import type { StepOptions } from '../harness/runner.js'
import { testUnless } from '../harness/skipping.js'
import { exhaustively, isExhaustive } from '../harness/test-set.js'
import { expectHit, type JobOptions, statsOf, warnings } from '../harness/warm-steps.js'
import { useDocker } from '../harness/use-docker.js'
import { useWarmPlace } from '../harness/use-warm-place.js'

jest.setTimeout(300_000)

const testDocker = testUnless(dockerReason())
const lines = ['RUN head -c 3000000 /dev/urandom > /big', 'COPY one /srv/one', 'RUN cat /srv/one > /two']

const place = await useWarmPlace()
const docker = await useDocker()

function job(name: string, options: JobOptions = {}): StepOptions {
  return place.job(name, lines, {
    files: { one: '1' },
    ...options,
    as: 'root',
    env: { ...docker.environment('buildx'), ...options.env },
    inputs: { engine: 'docker', ...options.inputs },
  })
}

/** A build by a builder that has nothing must go well, with one warning, and the next one find what it has left. */
async function expectHealed(step: StepOptions, warning: RegExp): Promise<void> {
  await docker.renew()
  const faulty = await succeed(step)
  expectHit(faulty, 'none')
  expect(warnings(faulty)).toStrictEqual([expect.stringMatching(warning)])
  if (!isExhaustive) return
  await docker.renew()
  const after = await succeed(step)
  expectHit(after, 'full')
  expect(after.outputs['digest']).toBe(faulty.outputs['digest'])
}

describe('at the cache service', () => {
  const other = /a part of the cache doesn't match the SHA-256 in the index/

  exhaustively(testDocker)('a part with a flipped byte', async () => {
    const step = job('flipped')
    await docker.renew()
    await succeed(step)
    await rewrite(place.service, (await newestKeys(place.service)).big, flipped)
    await expectHealed(step, other)
  })

  testDocker('a part that is gone', async () => {
    const step = job('gone')
    await docker.renew()
    await succeed(step)
    place.service.remove((await newestKeys(place.service)).small)
    await expectHealed(step, /a part of the cache is missing/)
  })

  exhaustively(testDocker)('an index that is none', async () => {
    const step = job('none')
    await docker.renew()
    await succeed(step)
    await rewrite(place.service, (await newestKeys(place.service)).index, () => 'not JSON')
    await expectHealed(step, /skipping an index/)
  })

  exhaustively(testDocker)('nothing has changed: nothing is sent', async () => {
    const step = job('same')
    await docker.renew()
    await succeed(step)
    await docker.renew()
    const warm = await succeed(step)
    expectHit(warm, 'full')
    expect(statsOf(warm)).toMatchObject({ 'parts-saved': 0, 'bytes-saved': 0 })
    // An index, and its parts: one for each large blob, one for all others.
    expect(statsOf(warm)['requests']).toBeLessThanOrEqual(8)
  })

  exhaustively(testDocker)('more than the limit is not kept, and said so', async () => {
    await docker.renew()
    const step = await succeed(job('much', { inputs: { 'cache-max-size': '1MB' } }))
    expect(warnings(step)).toStrictEqual([
      expect.stringMatching(/nothing was saved: the steps take \d+ MiB, more than/),
    ])
  })
})

describe('in a folder that stays', () => {
  function inFolder(name: string): { step: StepOptions; blobs: () => string } {
    const directory = makeFolder('kept')
    const step = job(name, { inputs: { cache: 'directory', 'cache-dir': directory } })
    const blobs = () => {
      const scope = join(directory, readdirSync(directory)[0] ?? '')
      const branch = readdirSync(scope).find((entry) => entry.startsWith('branch-')) ?? 'none'
      return join(scope, branch, 'root/blobs/sha256')
    }
    return { step, blobs }
  }

  const largest = (folder: string) => {
    const sizes = readdirSync(folder).map(
      (name) => [readFileSync(join(folder, name)).length, join(folder, name)] as const,
    )
    return sizes.sort(([one], [another]) => another - one)[0]?.[1] ?? ''
  }

  testDocker('all is there, in the same place', async () => {
    const { step } = inFolder('kept')
    await docker.renew()
    expectHit(await succeed(step), 'none')
    await docker.renew()
    const warm = await succeed(step)
    expectHit(warm, 'full')
    expect(statsOf(warm)).toMatchObject({ 'parts-restored': 0 })
  })

  exhaustively(testDocker)('a blob that is gone: all is built anew', async () => {
    const { step, blobs } = inFolder('blob-gone')
    await docker.renew()
    await succeed(step)
    rmSync(largest(blobs()))
    await docker.renew()
    const faulty = await succeed(step)
    expectHit(faulty, 'none')
    await docker.renew()
    expectHit(await succeed(step), 'full')
  })

  exhaustively(testDocker)('a blob with a flipped byte: all is built anew', async () => {
    const { step, blobs } = inFolder('blob-flipped')
    await docker.renew()
    await succeed(step)
    const path = largest(blobs())
    const damaged = flipped(readFileSync(path))
    rmSync(path)
    writeFileSync(path, damaged)
    await docker.renew()
    expectHit(await succeed(step), 'none')
    await docker.renew()
    expectHit(await succeed(step), 'full')
  })
})
