import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../lib/clock.js'
import type { Entries } from './entries.js'
import type { Part } from '../containers-storage/index.js'
import { indexKey, indexPath, partKey, partPath } from '../key.js'

/** Whose entries they become. */
export interface Author {
  readonly scope: string
  /** The Git ref. */
  readonly ref: string
  /** A text that no other run has. */
  readonly unique: string
}

/** Where what is sent lies, and goes. */
export interface StagingOptions {
  readonly entries: Entries
  /** Private folder of this process, absolute. */
  readonly stagingDir: string
  /** Default, the system's. */
  readonly clock?: Clock
}

/** The jobs of a matrix send the same at the same time. */
const SETTLE_MS = 2000
/** The index comes last, and without it nothing before it counts. */
const INDEX_TIMEOUT_MS = 20_000

/**
 * Sends a part. One of this name may be there already, from another scope or a job beside this one, which may be about
 * to have sent it. An upload that was cut off blocks its name for good, so that another is needed then: parts are found
 * by the start of their names.
 */
export async function send(
  part: Part,
  { unique }: Pick<Author, 'unique'>,
  { entries, stagingDir, clock = systemClock }: StagingOptions,
  end: number,
): Promise<boolean> {
  const path = partPath(part.sha256)
  const key = partKey(part.sha256)
  const left = () => Math.max(0, end - clock.now())
  let outcome = await entries.store(key, path, left())
  if (outcome === 'taken') {
    const isThere = () => entries.has(key, path, left())
    let isWhole = await isThere()
    if (!isWhole) {
      await clock.wait(Math.min(SETTLE_MS, left()))
      isWhole = await isThere()
    }
    outcome = isWhole ? 'stored' : await entries.store(`${key}-${unique}`, path, left())
  }
  await rm(join(stagingDir, path), { force: true })
  return outcome === 'stored'
}

/** Until when parts may be sent, so that the index behind them has its time too. */
export function endOfParts(end: number, deadlineMs: number): number {
  return end - Math.min(INDEX_TIMEOUT_MS, deadlineMs / 4)
}

/** Writes the text of an index down, and sends it. @returns whether it was taken */
export async function sendIndex(
  text: string,
  { scope, ref, unique }: Author,
  { entries, stagingDir, clock = systemClock }: StagingOptions,
  end: number,
): Promise<boolean> {
  const path = indexPath(ref)
  // What came from the service lies there, and may be a link.
  await rm(join(stagingDir, path), { recursive: true, force: true })
  await writeFile(join(stagingDir, path), text, { flag: 'wx' })
  const left = Math.min(INDEX_TIMEOUT_MS, Math.max(0, end - clock.now()))
  const outcome = await entries.store(indexKey(scope, ref, unique), path, left)
  return outcome === 'stored'
}
