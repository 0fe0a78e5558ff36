import { chownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
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
  withFiles,
} from '../harness/cache-directory-steps.js'
import {
  contentOf,
  recover,
  setUpStand,
  type Stand,
  STEPS,
  warningsOf,
  withstand,
} from '../harness/cache-fault-steps.js'
import { succeed } from '../harness/clean-step.js'
import { listFolder, removeFolders } from '../harness/folders.js'
import type { StepOptions, StepResult } from '../harness/runner.js'
import { rootReason, testUnless } from '../harness/skipping.js'
import { mountSmallDisk } from '../harness/small-disk.js'
import { describeExhaustively, exhaustively, isExhaustive } from '../harness/test-set.js'

jest.setTimeout(300_000)

let stand: Stand

beforeAll(async () => {
  stand = await setUpStand()
})

afterAll(async () => {
  await stand.stop()
  await removeFolders()
})

const MIB = 2 ** 20

function hitsOf({ outputs }: StepResult): number {
  return (JSON.parse(outputs['cache-stats'] ?? '') as Record<string, number>)['steps-hit'] ?? -1
}

const forks: StepOptions['event'] = {
  name: 'pull_request',
  payload: {
    pull_request: {
      base: { ref: 'main', repo: { full_name: 'acme/web' } },
      head: { ref: 'main', repo: { full_name: 'somebody/web' } },
    },
    repository: { default_branch: 'main' },
  },
}

describeExhaustively('a run that may not write reads, and leaves nothing for the next', () => {
  const runs: Readonly<{ [name: string]: Omit<StepOptions, 'inputs'> & { inputs?: Record<string, string> } }> = {
    'a pull request from a fork': { event: forks },
    'cache-write: never': { inputs: { 'cache-write': 'never' } },
    pull_request_target: { event: { name: 'pull_request_target', payload: forks.payload } },
  }

  test.each(Object.entries(runs))('%s', async (_, { inputs, ...more }) => {
    const directory = cacheDirectory()
    await recover(stand, directoryStep(stand, directory))
    const scope = scopeIn(directory)
    const [index, layers] = [readFileSync(indexFile(scope), 'utf8'), idsIn(scope, 'overlay')]
    const files = { small: 'from elsewhere', big: Buffer.alloc(5 * MIB, 'elsewhere') }
    const reading = await succeed(directoryStep(stand, directory, inputs, more))
    expect(reading.outputs['cache-hit']).toBe('full')
    expect(hitsOf(await succeed(withFiles(directoryStep(stand, directory, inputs, more), files)))).toBe(0)
    expect(readFileSync(indexFile(scope), 'utf8')).toBe(index)
    // Not even the same build finds it.
    expect(hitsOf(await succeed(withFiles(directoryStep(stand, directory, inputs, more), files)))).toBe(0)
    const next = await recover(stand, directoryStep(stand, directory))
    expect(next.outputs['cache-hit']).toBe('full')
    expect(idsIn(scope, 'overlay')).toStrictEqual(layers)
    expect(idsIn(scope, 'overlay-images')).toStrictEqual(recordsIn(scope, 'images'))
    expect(hitsOf(await succeed(withFiles(directoryStep(stand, directory), files)))).toBe(0)
  })

  test('the same, where the user wants it written', async () => {
    const directory = cacheDirectory()
    const build = () => recover(stand, directoryStep(stand, directory, { 'cache-write': 'always' }, { event: forks }))
    await build()
    expect((await build()).outputs['cache-hit']).toBe('full')
  })
})

describe('cache mounts', () => {
  const mounting = (counted: string) => `FROM ${stand.base}
COPY small /srv/small
RUN --mount=type=cache,target=/counts,uid=1234,mode=0750 ls -ldn /counts && echo ${counted} >> /counts/all && cp /counts/all /srv/all && chmod 2640 /counts/all
`
  const linesOf = async () => (await contentOf(stand.reference)).files['srv/all']?.size
  const build = (directory: string, word: string, inputs: Record<string, string>, more = {}) =>
    succeed(withFiles(directoryStep(stand, directory, inputs, more), { Dockerfile: mounting(word) }))

  test('stay from run to run, where the user says so', async () => {
    const directory = cacheDirectory()
    const carried = { 'cache-mounts': 'true' }
    await build(directory, 'one', carried)
    expect(await linesOf()).toBe('one\n'.length)
    const second = await build(directory, 'two', carried)
    expect(await linesOf()).toBe('one\ntwo\n'.length)
    expect(second.log).toMatch(/drwxr-x--- .* 1234 /)
    // A run that may not write has none of it, and takes nothing of it away.
    await build(directory, 'three', carried, { event: forks })
    if (isExhaustive) {
      await build(directory, 'four', {})
      expect(await linesOf()).toBe('four\n'.length)
    }
    await build(directory, 'five', carried)
    expect(await linesOf()).toBe('one\ntwo\nfive\n'.length)
    const scope = scopeIn(directory)
    expect(readdirSync(join(scope, 'mounts'))).toStrictEqual([expect.stringMatching(/^index-[0-9a-f]{12}$/)])
  })

  exhaustively(test)('stay also behind a failed build', async () => {
    const directory = cacheDirectory()
    const carried = { 'cache-mounts': 'true' }
    const failing = `${mounting('one')}RUN exit 3\n`
    const options = withFiles(directoryStep(stand, directory, carried), { Dockerfile: failing })
    await expect(succeed(options)).rejects.toThrow('The step ended with 1')
    await build(directory, 'two', carried)
    expect(await linesOf()).toBe('one\ntwo\n'.length)
  })
})

describe('a small disk', () => {
  testUnless(rootReason)('on which the folder lies: the build goes on without it', async () => {
    // Room for the base, and for nothing more.
    const disk = await mountSmallDisk(4 * MIB)
    try {
      const step = await withstand(stand, directoryStep(stand, disk.path))
      expect(warningsOf(step)).toStrictEqual([
        expect.stringMatching(/^Cache: only \d+ MiB free in .*; building without the cache$/),
      ])
    } finally {
      await disk.remove()
    }
  })

  exhaustively(testUnless(rootReason))(
    'that has room, and for no more files: the build goes on without it',
    async () => {
      const disk = await mountSmallDisk(2048 * MIB, 60)
      const step = directoryStep(stand, disk.path)
      const warning = expect.stringMatching(/^Cache: only \d+ files free in .*; building without the cache$/)
      try {
        const [once, twice] = [await withstand(stand, step), await withstand(stand, step)]
        expect([warningsOf(once), warningsOf(twice)]).toStrictEqual([[warning], [warning]])
      } finally {
        await disk.remove()
      }
    },
  )

  exhaustively(testUnless(rootReason))('that what earlier runs have left would fill: it makes room', async () => {
    // Enough for a build and what another has left, not for five of them.
    const disk = await mountSmallDisk(32 * MIB)
    try {
      const { uid, gid } = accountFor('user')
      const [directory, temp] = [join(disk.path, 'cache'), join(disk.path, 'temp')]
      for (const folder of [directory, temp]) {
        mkdirSync(folder)
        chownSync(folder, uid, gid)
      }
      for (const letter of ['a', 'b', 'c', 'd', 'e']) {
        const inputs = { 'cache-max-size': '12MiB' }
        const build = directoryStep(stand, directory, inputs, { env: { RUNNER_TEMP: temp } })
        await succeed(withFiles(build, { big: Buffer.alloc(5 * MIB, letter) }))
      }
      const scope = scopeIn(directory)
      expect(bytesIn(scope)).toBeLessThan(13 * MIB)
      expect(indexOf(scope).images.length).toBeGreaterThan(STEPS)
      expect(listFolder(temp)).toStrictEqual([])
    } finally {
      await disk.remove()
    }
  })
})
