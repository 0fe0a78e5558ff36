import { randomBytes } from 'node:crypto'
import { mkdir, rename, rm, rmdir, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

/** A folder that one process has for itself, also among containers that share a disk and nothing else. */
export interface Lock {
  /** Whether it is still held: a machine that slept for long may find it taken by another. */
  readonly isHeld: () => Promise<boolean>
  readonly release: () => Promise<void>
}

const BEAT_MS = 1000
/** Without a beat for this long, its holder is taken for dead. */
const STALE_MS = 10_000
const PATIENCE_MS = 4000
const PAUSE_MS = 100

/**
 * Takes the lock of a folder: a folder in it whose time is kept fresh as long as the holder lives.
 * @returns undefined when somebody else has it for longer than a few seconds
 */
export async function takeLock(folder: string): Promise<Lock | undefined> {
  const path = join(folder, 'lock')
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    const own = await make(path)
    if (own !== undefined) return hold(path, own)
    if (Date.now() >= deadline) return undefined
    await clearStale(path)
    await wait(PAUSE_MS)
  }
}

/** @returns the number of the folder on its disk, by which it is known again; undefined when it is there already */
async function make(path: string): Promise<number | undefined> {
  try {
    await mkdir(path)
    return (await stat(path)).ino
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return undefined
  }
}

function hold(path: string, own: number): Lock {
  const isHeld = async () => (await stat(path).catch(() => undefined))?.ino === own
  const beat = setInterval(() => {
    const now = new Date()
    // Where it is gone or can't be written any more, isHeld tells.
    void utimes(path, now, now).catch(() => undefined)
  }, BEAT_MS)
  beat.unref()
  return {
    isHeld,
    async release() {
      clearInterval(beat)
      if (await isHeld()) await rmdir(path).catch(() => undefined)
    },
  }
}

/** Takes a lock away whose holder is dead. Of several who try, one succeeds; who took a fresh one gives it back. */
async function clearStale(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (found === undefined || Date.now() - found.mtimeMs < STALE_MS) return
  const aside = `${path}-${randomBytes(6).toString('hex')}`
  await rename(path, aside).catch(() => undefined)
  const taken = await stat(aside).catch(() => undefined)
  if (taken === undefined) return
  if (taken.ino === found.ino) await rm(aside, { recursive: true, force: true })
  else await rename(aside, path).catch(() => undefined)
}
