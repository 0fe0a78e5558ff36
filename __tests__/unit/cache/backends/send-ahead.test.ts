import { createHash } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { Part } from '../../../../src/cache/backends/parts.js'
import { openSending, packAndSend } from '../../../../src/cache/backends/send-ahead.js'
import { partKey, partPath } from '../../../../src/cache/key.js'
import type { PackingAhead } from '../../../../src/cache/snapshot.js'
import { temporaryFolder } from '../../helpers.js'
import { MemoryEntries } from '../fixtures.js'

const DEADLINE_MS = 60_000

function start({ bytesPerMs = 1000 } = {}) {
  const entries = new MemoryEntries()
  const stagingDir = temporaryFolder()
  entries.stagingDir = stagingDir
  let now = 0
  const clock = {
    now: () => now,
    wait: () => Promise.resolve(),
    every: () => () => undefined,
    after: () => () => undefined,
  }
  const store = entries.store.bind(entries)
  entries.store = async (key, path) => {
    now += 1000
    return await store(key, path)
  }
  const part = (text: string): Part => {
    const sha256 = createHash('sha256').update(text).digest('hex')
    writeFileSync(join(stagingDir, partPath(sha256)), text)
    // As if it were so long: one takes a second.
    return { sha256, bytes: bytesPerMs * 1000 }
  }
  const sending = openSending({ unique: '7-1' }, { entries, stagingDir, clock }, DEADLINE_MS)
  const has = ({ sha256 }: Part) => entries.stored.has(partKey(sha256))
  const lies = ({ sha256 }: Part) => existsSync(join(stagingDir, partPath(sha256)))
  return { entries, sending, part, has, lies }
}

/** Waits until that is so; what fails then says what is missing. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !isSo(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** What would be begun is begun by then. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 100))

describe('parts that are sent while a build goes on', () => {
  it('leave the staging directory, and are known when it is over', async () => {
    const { sending, part, has, lies } = start()
    const parts = [part('one'), part('two')]
    for (const one of parts) sending.send(one)
    await until(() => parts.every(has))
    const sent = await sending.close()
    expect([...sent]).toStrictEqual(parts.map(({ sha256 }) => sha256))
    expect(parts.map((one) => [has(one), lies(one)])).toStrictEqual([
      [true, false],
      [true, false],
    ])
  })

  it('are begun no more after it', async () => {
    const { sending, part, has, lies } = start()
    const [first, second] = [part('one'), part('two')]
    sending.send(first)
    await until(() => has(first))
    void sending.close()
    sending.send(second)
    const sent = await sending.close()
    expect([...sent]).toStrictEqual([first.sha256])
    expect([has(second), lies(second)]).toStrictEqual([false, true])
  })

  it('are begun after the build only where that is quick', async () => {
    const { sending, part, has } = start()
    sending.hurry()
    const unknown = part('of a service that has taken nothing yet')
    sending.send(unknown)
    await aWhile()
    expect(has(unknown)).toBe(false)
    await sending.close()

    const known = start()
    const one = known.part('one')
    known.sending.send(one)
    await until(() => known.has(one) && !known.lies(one))
    known.sending.hurry()
    const [quick, slow] = [known.part('quick'), { ...known.part('slow'), bytes: 3_000_001 }]
    known.sending.send(quick)
    known.sending.send(slow)
    await until(() => known.has(quick))
    await aWhile()
    expect([known.has(quick), known.has(slow)]).toStrictEqual([true, false])
    await known.sending.close()
  })

  it('end with the first that isn’t taken, and with one that is gone', async () => {
    const { entries, sending, part, has } = start()
    sending.send({ sha256: '0'.repeat(64), bytes: 5 })
    const [refused, next] = [part('one'), part('two')]
    entries.store = () => Promise.resolve('failed')
    sending.send(refused)
    sending.send(next)
    await aWhile()
    expect((await sending.close()).size).toBe(0)
    expect([has(refused), has(next)]).toStrictEqual([false, false])
  })
})

it('what is packed says whether it was sent', async () => {
  const { sending, part, has, lies } = start()
  const [one, two] = [part('one'), part('two')]
  const events: string[] = []
  const pack = (onPacked: (part: Part) => void): PackingAhead => ({
    look() {
      onPacked(one)
      return Promise.resolve()
    },
    stop: () => void events.push('stop'),
    close: () =>
      Promise.resolve([
        { ids: ['a'], part: one },
        { ids: ['b'], part: two },
      ]),
  })
  const ahead = packAndSend(pack, sending)
  await ahead.look()
  await until(() => has(one) && !lies(one))
  ahead.stop()
  expect(events).toStrictEqual(['stop'])
  expect((await ahead.close()).map(({ ids, isSent }) => [...ids, isSent])).toStrictEqual([
    ['a', true],
    ['b', false],
  ])
})
