import { beforeEach, describe, expect, it } from '@jest/globals'
import { saveOrDefer, sendQuick } from '../../../../src/cache/backends/archives-save.js'
import { saveEarly } from '../../../../src/cache/backends/send-ahead.js'
import type { Run } from '../../../../src/cache/cache.js'
import type { Workplace } from '../../../../src/cache/containers-storage/restore.js'
import { containersStorage } from '../../../../src/cache/containers-storage/snapshot.js'
import type { ArchiveOptions } from '../../../../src/cache/options.js'
import type { PackedGroup, PackingAhead } from '../../../../src/cache/snapshot.js'
import { grow, hex, imageOf, jobOf, layerOf, type MemoryEntries, emptyPlace } from '../fixtures.js'

let entries: MemoryEntries
let place: Workplace
let root: string

beforeEach(async () => {
  ;({ entries, place, root } = await emptyPlace())
})

/** What the next steps have put on a base image. */
function build(layers: readonly ReturnType<typeof layerOf>[]): void {
  grow(root, [layerOf('base'), ...layers], [imageOf('base', 'base', ['docker.io/library/alpine:3.20'])])
  grow(root, [], [imageOf('1', '1')])
}

/** Packs before the push, which comes to nothing here, and saves after it. */
async function run({ isPushed = true, early = true } = {}) {
  const { stagingDir, store } = place
  const options = { entries, stagingDir, write: true } as unknown as ArchiveOptions
  const snapshot = await containersStorage(store, new Map())
  const steps = [{ image: hex('i:1'), key: hex('k1'), content: undefined, hit: false, seconds: 3 }]
  const left = { steps, ours: [], imageId: hex('i:1') }
  const job = (own: Run, packed: readonly PackedGroup[]) => jobOf({ storage: store, root, packed, run: own })
  let closed = 0
  const packing: PackingAhead = {
    look: () => Promise.resolve(),
    stop: () => undefined,
    close: () => {
      closed += 1
      return Promise.resolve([])
    },
  }
  const saving = saveEarly(packing, (own, ahead) => sendQuick(snapshot, job(own, []), ahead, options))
  if (early) await saving.ahead.finish(left)
  const [before, closedEarly] = [[...entries.stores], closed > 0]
  const end = { ...left, pushed: isPushed ? 'digest' : undefined, failed: !isPushed }
  const saved = await saveOrDefer(snapshot, job(end, await saving.close()), options)
  const after = entries.stores.slice(before.length)
  return { before, after, saved, closedEarly, saving, left }
}

const kindOf = (key: string) => (/-i-/.test(key) ? 'index' : 'part')

describe('what is quickly saved', () => {
  it('is sent beside the push; the index follows it', async () => {
    build([layerOf('1', 'base')])
    const { before, after, saved } = await run()
    expect(before.map(kindOf)).toStrictEqual(['part'])
    expect(after.map(kindOf)).toStrictEqual(['index'])
    expect(saved).toMatchObject({ parts: 1, failures: [], later: undefined })
  })

  it('has the entries that it has when all is saved after the push', async () => {
    build([layerOf('1', 'base')])
    await run()
    const beside = [...entries.stored.values()].map(({ content }) => content.length)
    beside.pop()
    entries.stored.clear()
    await run({ early: false })
    const afterwards = [...entries.stored.values()].map(({ content }) => content.length)
    afterwards.pop()
    expect(beside).toStrictEqual(afterwards)
  })

  it('is not sent again by the post step where the push fails', async () => {
    build([layerOf('1', 'base')])
    const { before, after, saved } = await run({ isPushed: false })
    expect([before.map(kindOf), after]).toStrictEqual([['part'], []])
    expect(saved.later).toBeDefined()
  })

  it('is sent again after the push where it was refused, which is then reported', async () => {
    build([layerOf('1', 'base')])
    entries.refuses = (key) => kindOf(key) === 'part'
    const { before, after, saved } = await run()
    expect(before.map(kindOf)).toStrictEqual(['part'])
    expect(after.map(kindOf)).toContain('part')
    expect(saved.failures).not.toStrictEqual([])
  })
})

it('what takes longer is left, and what packs it goes on', async () => {
  build([layerOf('1', 'base', 9 * 2 ** 20)])
  const { before, closedEarly } = await run()
  expect([before, closedEarly]).toStrictEqual([[], false])
})

it('nothing is sent of a build that was dropped', async () => {
  build([layerOf('1', 'base')])
  const { saving, left } = await run()
  const count = entries.stores.length
  await saving.drop()
  await saving.ahead.finish(left)
  expect(entries.stores).toHaveLength(count)
  expect(await saving.close()).toStrictEqual([])
})
