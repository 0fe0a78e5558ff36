import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'

import { jobStep, recover, setUpStand, type Stand, warningsOf, withstand } from '../harness/cache-fault-steps.js'
import { type CacheService, startCacheService } from '../harness/cache-service.js'
import { listFolder, removeFolders } from '../harness/folders.js'
import type { StepOptions } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { mountSmallDisk, type SmallDisk } from '../harness/small-disk.js'
import { withoutPrograms } from '../harness/surroundings.js'

jest.setTimeout(120_000)

let stand: Stand
let service: CacheService
let scopes = 0

beforeAll(async () => {
  stand = await setUpStand()
  service = await startCacheService()
})

afterAll(async () => {
  await service.stop()
  await stand.stop()
  await removeFolders()
})

function newScope(inputs: Readonly<Record<string, string>> = {}): () => StepOptions {
  const scope = String((scopes += 1))
  return () => jobStep(stand, service, { 'cache-scope': scope, ...inputs })
}

/** Ends the process that talks to the service as soon as it has done this much. */
async function killTransfer(isTime: () => boolean): Promise<void> {
  for (let turn = 0; !isTime(); turn += 1) {
    if (turn === 3000) throw new Error('it did not come so far within a minute')
    await sleep(20)
  }
  const found = readdirSync('/proc').filter(
    (pid) => /^\d+$/.test(pid) && commandOf(pid).includes('dist/transfer/index.js'),
  )
  expect(found).toHaveLength(1)
  for (const pid of found) process.kill(Number(pid), 'SIGKILL')
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

describe('the process that talks to the service is killed', () => {
  const ended =
    /The process that talks to the cache service ended by SIGKILL\. The rest of this run goes on without it\.$/

  test.each([
    ['while parts come', 'GetBlob', /^rib1-p-/],
    ['while the index comes', 'GetBlob', /^rib1-i-/],
    ['while parts go', 'PutBlob', /^rib1-p-/],
  ] as const)('%s', async (_, call, key) => {
    const build = newScope()
    if (call === 'GetBlob') await recover(stand, build())
    const script = service.script({ call, key, answer: { stall: 60_000 } })
    const [step] = await Promise.all([withstand(stand, build()), killTransfer(() => script.hits > 0)])
    script.end()
    expect(step.outputs['cache-hit']).toBe('none')
    await recover(stand, build())
    console.log(warningsOf(step))
    expect(warningsOf(step)).toStrictEqual([expect.stringMatching(ended)])
  })
})

const asRoot = testUnless(rootReason)

describe('a machine without', () => {
  asRoot('zstd', async () => {
    const build = newScope()
    await recover(stand, build())
    const step = await withstand(stand, { ...build(), within: withoutPrograms('zstd') })
    expect(step.outputs['cache-hit']).toBe('none')
    console.log(warningsOf(step))
    expect((await recover(stand, build())).outputs['cache-hit']).toBe('full')
    expect(warningsOf(step)).toStrictEqual([expect.stringContaining('the program zstd is missing')])
  })
})

/** Runs the build with its temporary files on a disk of its own, and gives the step with what is left there. */
async function withDisk<T>(bytes: number, use: (disk: SmallDisk) => Promise<T>): Promise<T> {
  const disk = await mountSmallDisk(bytes)
  try {
    const result = await use(disk)
    expect(listFolder(disk.path)).toStrictEqual([])
    return result
  } finally {
    await disk.remove()
  }
}

const MIB = 2 ** 20

describe('a full disk', () => {
  asRoot('that has less than twice what comes back: nothing is restored', async () => {
    const build = newScope()
    await recover(stand, build())
    const step = await withDisk(14 * MIB, async ({ path }) => {
      return await withstand(stand, { ...build(), env: { ...build().env, RUNNER_TEMP: path } })
    })
    console.log(step.log, step.post?.log)
    expect(step.outputs['cache-hit']).toBe('none')
    expect(warningsOf(step)).toStrictEqual([
      expect.stringMatching(/nothing was restored: \d+ MiB should be free .* \d+ MiB are$/),
    ])
  })
})
