import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterEach, describe, expect, jest, test } from '@jest/globals'

import { jobStep, recover, useStand, warningsOf, withstand } from '../harness/cache-fault-steps.js'
import type { Seen } from '../harness/cache-service.js'
import { listFolder } from '../harness/folders.js'
import { watchProcesses } from '../harness/process-watch.js'
import type { StepOptions, StepResult } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { mountSmallDisk, type SmallDisk } from '../harness/small-disk.js'
import { withoutPrograms } from '../harness/surroundings.js'
import { casesOfSet, exhaustively, isExhaustive } from '../harness/test-set.js'

jest.setTimeout(300_000)

// So long that what a test does about a request is done before its answer.
const { stand, service } = await useStand({ latency: 200 })
let scopes = 0

function newScope(inputs: Readonly<Record<string, string>> = {}): () => StepOptions {
  const scope = String((scopes += 1))
  return () => jobStep(stand, service, { 'cache-scope': scope, ...inputs })
}

async function until(isTime: () => boolean): Promise<void> {
  for (let turn = 0; !isTime(); turn += 1) {
    if (turn === 3000) throw new Error('it did not come so far within a minute')
    await sleep(20)
  }
}

/** Ends the process that talks to the service as soon as it has done this much. */
async function killTransfer(isTime: () => boolean): Promise<void> {
  await until(isTime)
  // Others may run on this machine; the address of the service is that of this file alone.
  const isOurs = (pid: string) =>
    textOf(`/proc/${pid}/cmdline`).includes('dist/cache-worker/index.js') &&
    textOf(`/proc/${pid}/environ`).includes(service.url)
  const found = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isOurs(pid))
  expect(found).toHaveLength(1)
  for (const pid of found) process.kill(Number(pid), 'SIGKILL')
}

// A process may end between two looks.
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

describe('the process that talks to the service is killed', () => {
  const ended = /The process that talks to the cache service ended by SIGKILL\. The rest of this run doesn't use it\.$/

  const moments = [
    ['while parts come', 'GetBlob', /^rib1-p-/],
    ['while the index comes', 'GetBlob', /^rib1-i-/],
    ['while parts go', 'PutBlob', /^rib1-p-/],
  ] as const

  test.each(casesOfSet(moments, ([when]) => when === 'while parts come'))('%s', async (_, call, key) => {
    const build = newScope()
    if (call === 'GetBlob') await recover(stand, build())
    const script = service.script({ call, key, answer: { stall: 60_000 } })
    const [step] = await Promise.all([withstand(stand, build()), killTransfer(() => script.hits > 0)]).finally(() => {
      script.end()
    })
    expect(step.outputs['cache-hit']).toBe('none')
    if (isExhaustive) await recover(stand, build())
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
    if (isExhaustive) expect((await recover(stand, build())).outputs['cache-hit']).toBe('full')
    expect(warningsOf(step)).toStrictEqual([expect.stringContaining('the program zstd is missing')])
  })
})

const MIB = 2 ** 20
/** Enough for records and settings, not for a part. */
const LITTLE = MIB / 2

/** The build with its temporary files on a disk of its own, of which nothing is left in the end. */
async function withstandOn(disk: SmallDisk, options: StepOptions): Promise<StepResult> {
  const step = await withstand(stand, { ...options, env: { ...options.env, RUNNER_TEMP: disk.path } })
  disk.clear()
  expect(listFolder(disk.path)).toStrictEqual([])
  return step
}

/** The preflight has a word of its own about small disks. */
function cacheWarningsOf(step: StepResult): string[] {
  return warningsOf(step).filter((text) => text.startsWith('Cache: '))
}

describe('a disk', () => {
  const disks: SmallDisk[] = []

  afterEach(async () => {
    for (const disk of disks.splice(0)) await disk.remove()
  })

  async function newDisk(bytes: number): Promise<SmallDisk> {
    const disk = await mountSmallDisk(bytes)
    disks.push(disk)
    return disk
  }

  /** The build on this disk, with the room that the cache before it had not: it enters a sandbox by this program. */
  async function withstandWithRoom(disk: SmallDisk, options: StepOptions): Promise<StepResult> {
    return await withstandOn(disk, { ...options, path: disk.clearedByBuild() })
  }

  exhaustively(asRoot)('that has less than twice what comes back: nothing is restored', async () => {
    const build = newScope()
    await recover(stand, build())
    const disk = await newDisk(64 * MIB)
    // Less than twice what the layers have, and more than what would come.
    disk.fill(12 * MIB)
    const step = await withstandWithRoom(disk, build())
    expect(step.outputs['cache-hit']).toBe('none')
    expect(cacheWarningsOf(step)).toStrictEqual([
      expect.stringMatching(/nothing was restored: the build disk has \d+ MiB free and needs \d+ MiB, /),
    ])
  })

  const bytesLeft = [
    ['come', LITTLE],
    // The archive of the big layer fits, and what is in it doesn't: only tar tells that.
    ['are taken from their archives', 7 * MIB],
  ] as const

  for (const [when, left] of casesOfSet(bytesLeft, ([, bytes]) => bytes > LITTLE)) {
    asRoot(`that is full while parts ${when}`, async () => {
      const build = newScope()
      await recover(stand, build())
      const disk = await newDisk(64 * MIB)
      const seen = service.requests.length
      const isPart = ({ call, keys }: Seen) => call === 'GetBlob' && keys.some((key) => key.startsWith('rib1-p-'))
      const filled = until(() => service.requests.slice(seen).some(isPart)).then(() => {
        disk.fill(left)
      })
      const step = await withstandWithRoom(disk, build())
      await filled
      expect(step.outputs['cache-hit']).toBe('none')
      expect(cacheWarningsOf(step)).toStrictEqual([expect.stringMatching(/^Cache: The disk is full: /)])
    })
  }

  exhaustively(asRoot)('that is full while parts are packed', async () => {
    const build = newScope()
    const disk = await newDisk(64 * MIB)
    let isFull = false
    const { result } = await watchProcesses(
      () => withstandOn(disk, build()),
      ({ argv }) => {
        if (isFull || !argv.includes('--create') || !argv.some((word) => word.endsWith('.tar.zst'))) return
        isFull = true
        disk.fill(LITTLE)
      },
    )
    expect(isFull).toBe(true)
    expect(cacheWarningsOf(result)).toStrictEqual([expect.stringMatching(/^Cache: The disk is full: /)])
    await recover(stand, build())
    expect((await recover(stand, build())).outputs['cache-hit']).toBe('full')
  })
})
