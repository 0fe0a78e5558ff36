import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type Lock, takeLock } from '../../../../src/cache/backends/lock.js'
import { type FakeClock, fakeClock } from '../../fake-clock.js'
import { temporaryFolder } from '../../helpers.js'

const held: Lock[] = []
const children: ChildProcess[] = []

afterEach(async () => {
  await Promise.all(held.splice(0).map((lock) => lock.release()))
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

/** Each taker waits by a clock of its own, as they are processes of their own elsewhere. */
async function take(folder: string, clock = fakeClock()): Promise<Lock> {
  const lock = await takeLock(folder, clock)
  if (lock === undefined) throw new Error('the lock is taken')
  held.push(lock)
  return lock
}

const totalOf = ({ waits }: FakeClock): number => waits.reduce((sum, one) => sum + one, 0)

/** Makes a lock look as if nobody had touched it for that long. */
function age(folder: string, seconds: number): void {
  const time = new Date(Date.now() - seconds * 1000)
  utimesSync(join(folder, 'lock'), time, time)
}

/** Another process that has the lock as a holder on another machine would: it keeps its time fresh. */
async function holder(folder: string): Promise<ChildProcess> {
  const script = `
    const { utimesSync, writeFileSync } = require('node:fs')
    const path = process.argv[1]
    writeFileSync(path, 'another', { flag: 'wx' })
    setInterval(() => utimesSync(path, new Date(), new Date()), 200)
    console.log('has it')
  `
  const child = spawn(process.execPath, ['-e', script, join(folder, 'lock')], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout, 'data')
  return child
}

describe('takeLock', () => {
  it('takes a lock that nobody has, and leaves nothing when it is released', async () => {
    const folder = temporaryFolder()
    const lock = await take(folder)
    expect(await lock.isHeld()).toBe(true)
    await lock.release()
    expect(await lock.isHeld()).toBe(false)
    expect(readdirSync(folder)).toStrictEqual([])
  })

  it('gives it to one of two in a process, and to the other when that is done', async () => {
    const folder = temporaryFolder()
    const first = await take(folder)
    const second = takeLock(
      folder,
      fakeClock(() => void first.release()),
    )
    const lock = await second
    if (lock !== undefined) held.push(lock)
    expect(await lock?.isHeld()).toBe(true)
    expect(await first.isHeld()).toBe(false)
  })

  it('gives it to exactly one of many that come at once', async () => {
    const folder = temporaryFolder()
    const all = await Promise.all(Array.from({ length: 8 }, () => takeLock(folder, fakeClock())))
    const winners = all.filter((lock) => lock !== undefined)
    held.push(...winners)
    expect(winners).toHaveLength(1)
  })

  it('gives up where another process has it and lives', async () => {
    const folder = temporaryFolder()
    await holder(folder)
    const clock = fakeClock()
    expect(await takeLock(folder, clock)).toBeUndefined()
    expect(totalOf(clock)).toBe(4000)
    expect(readdirSync(folder)).toStrictEqual(['lock'])
  })

  it('takes it over from a process that is dead, and leaves nothing aside', async () => {
    const folder = temporaryFolder()
    const child = await holder(folder)
    child.kill('SIGKILL')
    await once(child, 'exit')
    age(folder, 60)
    const lock = await take(folder)
    expect(await lock.isHeld()).toBe(true)
    expect(readdirSync(folder)).toStrictEqual(['lock'])
  })

  it('gives a stale lock to exactly one of many', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'lock'), 'another')
    age(folder, 60)
    const all = await Promise.all(Array.from({ length: 8 }, () => takeLock(folder, fakeClock())))
    const winners = all.filter((lock) => lock !== undefined)
    held.push(...winners)
    expect(winners).toHaveLength(1)
    expect(await winners[0]?.isHeld()).toBe(true)
    expect(readdirSync(folder)).toStrictEqual(['lock'])
  })

  it('stays fresh as long as it is held', async () => {
    const folder = temporaryFolder()
    const clock = fakeClock()
    await take(folder, clock)
    age(folder, 60)
    const aged = statSync(join(folder, 'lock')).mtimeMs
    clock.pass(1000)
    while (statSync(join(folder, 'lock')).mtimeMs === aged) await othersTurn()
    expect(await takeLock(folder, fakeClock())).toBeUndefined()
  })

  it('throws where the folder can’t have one', async () => {
    await expect(takeLock(join(temporaryFolder(), 'nowhere'))).rejects.toThrow('ENOENT')
  })
})

describe('a lock that another has taken', () => {
  /** The file system may give the new lock the number that the old one had: ext4 does. */
  it('is not held any more, and not released by the one who had it', async () => {
    const folder = temporaryFolder()
    const slept = await take(folder)
    rmSync(join(folder, 'lock'), { recursive: true })
    const other = await take(folder)
    expect(await slept.isHeld()).toBe(false)
    await slept.release()
    expect(await other.isHeld()).toBe(true)
    expect(existsSync(join(folder, 'lock'))).toBe(true)
  })

  it('stays, though the first one releases its own twice', async () => {
    const folder = temporaryFolder()
    const first = await take(folder)
    await first.release()
    const second = await take(folder)
    await first.release()
    expect(await second.isHeld()).toBe(true)
  })
})
