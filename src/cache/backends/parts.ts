import { access, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../lib/clock.js'
import { digestFile } from '../../lib/hash.js'
import { partKey, partPath } from '../key.js'
import type { Entries } from './entries.js'

/** One file of the cache. */
export interface Part {
  /** SHA-256 of the file, hexadecimal; also its name. */
  readonly sha256: string
  readonly bytes: number
  /** Milliseconds since 1970 when it was last sent or fetched, where that counts. */
  readonly fetched?: number
}

/** Whose entries parts and texts become. */
export interface Author {
  readonly scope: string
  /** The Git ref. */
  readonly ref: string
  /** A text that no other run has. */
  readonly unique: string
}

/** Where what is sent lies, and goes; and the other way round. */
export interface StagingOptions {
  readonly entries: Entries
  /** Private folder of this process, absolute. */
  readonly stagingDir: string
  /** Default, the system's. */
  readonly clock?: Clock
}

export const GONE = 'a part of the cache is missing'
/** In addition to the time for an answer: a part that comes more slowly than 1 MiB a second is not worth its time. */
const FETCH_TIMEOUT_MS = 20_000
const SLOWEST_BYTES_PER_MS = 2 ** 20 / 1000
/** The jobs of a matrix send the same at the same time. */
const SETTLE_MS = 2000

/** Bytes of all of them together; pure. */
export function bytesOf(all: readonly { readonly bytes: number }[]): number {
  return all.reduce((sum, { bytes }) => sum + bytes, 0)
}

/** Fetches a part and checks it. @returns the path of the file, in the staging directory */
export async function fetchPart(part: Part, place: Place): Promise<string> {
  const key = partKey(part.sha256)
  const found = await fetchAs(key, part, place)
  if (found === 'gone') throw new Error(GONE)
  if (found !== 'damaged') return found.file
  await writeFile(join(place.stagingDir, damagedPath(part.sha256)), '')
  // One that was sent since then has a longer name.
  const other = await fetchAs(`${key}-`, part, place)
  if (other === 'gone' || other === 'damaged')
    throw new Error("a part of the cache doesn't match the SHA-256 in the index")
  return other.file
}

type Place = Pick<StagingOptions, 'entries' | 'stagingDir'>

async function fetchAs(
  key: string,
  { sha256, bytes }: Part,
  { entries, stagingDir }: Place,
): Promise<'gone' | 'damaged' | { readonly file: string }> {
  const path = partPath(sha256)
  const found = await entries.fetch(key, path, FETCH_TIMEOUT_MS + bytes / SLOWEST_BYTES_PER_MS, bytes)
  if (found === undefined) return 'gone'
  const file = join(stagingDir, path)
  return (await digestFile(file)).sha256 === sha256 ? { file } : 'damaged'
}

/** A file that says of a part that its entry is damaged: who sends it again may be another process. */
function damagedPath(sha256: string): string {
  return `damaged-${sha256}`
}

/**
 * Sends a part. One of this name may be there already, from another scope or a parallel job, which may be about
 * to have sent it. An upload that was cut off blocks its name for good, and so does one that came back damaged, so that
 * another is needed then: parts are found by the start of their names.
 */
export async function sendPart(
  part: Part,
  { unique }: Pick<Author, 'unique'>,
  { entries, stagingDir, clock = systemClock }: StagingOptions,
  end: number,
): Promise<boolean> {
  const path = partPath(part.sha256)
  const key = partKey(part.sha256)
  const left = () => Math.max(0, end - clock.now())
  const isDamaged = await access(join(stagingDir, damagedPath(part.sha256))).then(
    () => true,
    () => false,
  )
  let outcome = await entries.store(isDamaged ? `${key}-${unique}` : key, path, left())
  if (outcome === 'taken' && !isDamaged) {
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
