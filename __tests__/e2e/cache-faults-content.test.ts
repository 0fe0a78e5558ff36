import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { beforeEach, describe, expect, jest, test } from '@jest/globals'

import { accountFor } from '../harness/account.js'
import { compress, flipped, newestKeys, packEntry, rewrite, unpackEntry } from '../harness/cache-archives.js'
import { jobStep, recover, useStand, warningsOf, withstand } from '../harness/cache-fault-steps.js'
import { makeFolder, makeWorkspace } from '../harness/folders.js'
import type { StepOptions } from '../harness/runner.js'
import { casesOfSet, describeExhaustively, isExhaustive } from '../harness/test-set.js'

jest.setTimeout(300_000)

const { stand, service } = await useStand()
let build: () => StepOptions
let keys: Awaited<ReturnType<typeof newestKeys>>
let scopes = 0
/** The last of them in which a run was made after one with a trouble. */
let healed = 0
/** Whether the scope has what a run without troubles leaves. */
let isWhole = false

beforeEach(async () => {
  if (!isWhole) {
    const inputs = { 'cache-scope': String((scopes += 1)) }
    build = () => jobStep(stand, service, inputs)
    await recover(stand, build())
  }
  keys = await newestKeys(service)
  isWhole = false
})

/** Runs the build, and once more: what was wrong is made good by the first run, and not met again. */
async function expectHealed(hit: string, warning: RegExp): Promise<void> {
  const step = await withstand(stand, build())
  expect(step.outputs['cache-hit']).toBe(hit)
  // In the ordinary set, the first one stands for the others.
  if (isExhaustive || scopes > healed) {
    const after = await recover(stand, build())
    expect(after.outputs['cache-hit']).toBe('full')
    healed = scopes
  }
  isWhole = true
  expect(warningsOf(step)).toStrictEqual([expect.stringMatching(warning)])
}

const unread = /Could not read from the cache service: |The connection to the cache service failed/
const other = /a part of the cache doesn't match the SHA-256 in the index/
const gone = /a part of the cache is missing/

const parts = ['big', 'small'] as const
const partsOfSet = casesOfSet(parts, (kind) => kind === 'big')

describe('an archive', () => {
  test.each(partsOfSet)('that is gone: %s', async (kind) => {
    service.remove(keys[kind])
    await expectHealed('none', gone)
  })
})

// The client's own tests have these faults as well.
describeExhaustively('an archive', () => {
  test.each(['index', ...parts] as const)('with a flipped byte: %s', async (kind) => {
    service.replace(keys[kind], flipped(service.blob(keys[kind])))
    await expectHealed('none', unread)
  })

  test.each(['index', ...parts] as const)('of which half is there: %s', async (kind) => {
    const bytes = service.blob(keys[kind])
    service.replace(keys[kind], bytes.subarray(0, bytes.length / 2))
    await expectHealed('none', unread)
  })

  test('with paths to elsewhere in it', async () => {
    const folder = makeFolder('elsewhere')
    const { name, content } = await unpackEntry(service.blob(keys.index))
    mkdirSync(join(folder, 'in'))
    for (const path of ['up', 'absolute', `in/${name}`]) writeFileSync(join(folder, path), content)
    const escape = `${'../'.repeat(12)}${folder.slice(1)}`
    const renames = [`s,^up$,${escape}/found-up,`, `s,^absolute$,${folder}/found-absolute,`]
    const args = [...renames.map((rule) => `--transform=${rule}`), 'up', 'absolute', '-C', 'in', name]
    service.replace(keys.index, await compress(folder, args))
    const step = await withstand(stand, build())
    expect(['found-up', 'found-absolute'].filter((file) => existsSync(join(folder, file)))).toStrictEqual([])
    expect(step.outputs['cache-hit']).toBe('full')
    expect(warningsOf(step)).toStrictEqual([])
  })

  test('with a link in it, which nothing is written through', async () => {
    const folder = makeFolder('linked')
    const target = join(makeWorkspace({ target: 'as it was' }, accountFor('user')), 'target')
    const { name } = await unpackEntry(service.blob(keys.index))
    symlinkSync(target, join(folder, name))
    service.replace(keys.index, await compress(folder, [name]))
    const step = await withstand(stand, build())
    expect(readFileSync(target, 'utf8')).toBe('as it was')
    expect(step.outputs['cache-hit']).toBe('none')
    expect(warningsOf(step)).toStrictEqual([expect.stringMatching(/has no file index-[0-9a-f]+\.json/)])
    expect((await recover(stand, build())).outputs['cache-hit']).toBe('full')
  })
})

describe('a file', () => {
  test.each(partsOfSet)('with a flipped byte: %s', async (kind) => {
    await rewrite(service, keys[kind], flipped)
    await expectHealed('none', other)
  })
})

describeExhaustively('a file', () => {
  test('with a flipped byte: index', async () => {
    await rewrite(service, keys.index, (content) => {
      // A brace, so that it is no index any more, whatever stands in the middle.
      content.writeUInt8(content.readUInt8(0) ^ 0xff)
      return content
    })
    await expectHealed('none', /skipping an index: /)
  })

  test.each(['', 'not JSON', '{"format":2}', '['.repeat(10_000)])('in the place of an index: %j', async (text) => {
    await rewrite(service, keys.index, () => text)
    await expectHealed('none', /skipping an index: /)
  })

  test('of another kind in the place of an index', async () => {
    const { name } = await unpackEntry(service.blob(keys.index))
    const { content } = await unpackEntry(service.blob(keys.big))
    service.replace(keys.index, await packEntry({ name, content }))
    await expectHealed('none', /skipping an index: /)
  })

  test.each(parts)('with far more in it than the index says: %s', async (kind) => {
    await rewrite(service, keys[kind], (content) => Buffer.concat([content, Buffer.alloc(256 * 2 ** 20)]))
    await expectHealed('none', unread)
  })

  test('for one part in the place of another', async () => {
    const { content } = await unpackEntry(service.blob(keys.small))
    await rewrite(service, keys.big, () => content)
    await expectHealed('none', other)
  })
})

interface Record {
  record: { id: string; parent?: string; layer?: string; 'big-data-names'?: string[]; names?: string[] }
  part: string
}
interface Index {
  parts: { sha256: string; bytes: number }[]
  layers: Record[]
  images: Record[]
  memory: { name: string; content: string }[]
  mounts?: string
}

const outside = '../../../outside'
const changes: Readonly<{ [name: string]: (index: Index) => unknown }> = {
  'a layer': ({ layers }) => layers.map(({ record }) => (record.id = outside)),
  'the parent of a layer': ({ layers }) => layers.map(({ record }) => (record.parent = outside)),
  'an image': ({ images }) => images.map(({ record }) => (record.id = outside)),
  'the layer of an image': ({ images }) => images.map(({ record }) => (record.layer = outside)),
  'a file of an image': ({ images }) => images.map(({ record }) => (record['big-data-names'] = [outside])),
  'the part of a layer': ({ layers }) => layers.map((layer) => (layer.part = outside)),
  'a part': ({ parts }) => parts.map((part) => (part.sha256 = outside)),
  'the part for cache mounts': (index) => (index.mounts = outside),
  'a memory': ({ memory }) => memory.push({ name: outside, content: '' }),
}

describe('an index that names ../..', () => {
  test.each(casesOfSet(Object.entries(changes), ([what]) => what === 'a layer'))('as %s', async (_, change) => {
    await rewrite(service, keys.index, (content) => {
      const index = JSON.parse(content.toString()) as Index
      change(index)
      return JSON.stringify(index)
    })
    await expectHealed('none', /skipping an index: .*(outside|ID)/)
  })
})
