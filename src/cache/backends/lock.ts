import { randomUUID } from 'node:crypto'
import { link, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../lib/clock.js'
import { textOfPlain } from '../../lib/plain-file.js'

/** A folder that one process has for itself, also among containers that share a disk and nothing else. */
export interface Lock {
  /** Whether it is still held: a machine that slept for long may find it taken by another. */
  readonly isHeld: () => Promise<boolean>
  readonly release: () => Promise<void>
}

const BEAT_MS = 1000
/** Without a beat for this long, its holder is taken for dead. */
const STALE_MS = 10_000
const TIMEOUT_MS = 4000
const PAUSE_MS = 100
const MAX_BYTES = 1000

/**
 * Takes the lock of a folder: a file in it that names its holder, and whose time is kept fresh as long as that lives.
 * @returns undefined when somebody else has it for longer than a few seconds
 */
export async function takeLock(folder: string, clock: Clock = systemClock): Promise<Lock | undefined> {
  const path = join(folder, 'lock')
  const own = randomUUID()
  const deadline = clock.now() + TIMEOUT_MS
  for (;;) {
    if (await make(path, own)) return hold(path, own, clock)
    if (clock.now() >= deadline) return undefined
    await clearStale(path, own, clock)
    await clock.wait(PAUSE_MS)
  }
}

async function make(path: string, own: string): Promise<boolean> {
  try {
    await writeFile(path, own, { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

function hold(path: string, own: string, clock: Clock): Lock {
  const isHeld = async () => (await holderOf(path)) === own
  const stopBeating = clock.every(BEAT_MS, () => {
    const now = new Date(clock.now())
    // Where it is gone or can't be written any more, isHeld tells.
    void utimes(path, now, now).catch(() => undefined)
  })
  const letGo = async () => {
    stopBeating()
    if (await isHeld()) await rm(path, { force: true })
  }
  let released: Promise<void> | undefined
  // Once: a second one could remove the lock of whoever has taken it meanwhile.
  return { isHeld, release: () => (released ??= letGo()) }
}

/** Takes a lock away whose holder is dead. Of several who try, one succeeds; who took a fresh one gives it back. */
async function clearStale(path: string, own: string, clock: Clock): Promise<void> {
  const holder = await holderOf(path)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || clock.now() - found.mtimeMs < STALE_MS) return
  const aside = `${path}-${own}`
  try {
    await rename(path, aside)
  } catch {
    // Somebody else was faster.
    return
  }
  if ((await holderOf(aside)) === holder) await rm(aside, { recursive: true, force: true })
  else {
    // Not over what somebody may have put there meanwhile.
    await link(aside, path).catch(() => undefined)
    await rm(aside, { force: true })
  }
}

async function holderOf(path: string): Promise<string | undefined> {
  return await textOfPlain(path, MAX_BYTES)
}
