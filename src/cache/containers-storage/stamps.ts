import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContainersStorage } from '../../build-storage.js'
import { attempt } from '../../exec.js'
import { readBootId } from '../../lib/boot-id.js'
import { systemClock } from '../../lib/clock.js'
import { readPlain } from '../../lib/plain-file.js'
import type { Layer, Stamp } from './index.js'
import { placesOf } from './layout.js'
import { hasOwnTimes } from './own-times.js'

/**
 * The inode, type, mode, owner, size and time of the last change (ctime) of each file. Nobody but the kernel sets that time,
 * and it does so whenever anything of the file changes: its content, its attributes, or the number of its names.
 */
const LISTED = '%C@ %i %y %m %U %G %n %s %p\\0'
/**
 * So much younger than the look a change must not be: the kernel takes the times of files from a clock that ticks a hundred
 * times a second, and a file system may have no fractions of a second.
 */
const TICK_MS = 50
const TICK_OF_SECONDS_MS = 2000
/** What no program has changed may still be damaged on its disk, so contents are read again after this time. */
const TRUSTED_MS = 24 * 3_600_000
/** Some 600,000 files. What has more is read. */
const MAX_LISTING = 64 * 2 ** 20
const TIMEOUT_SECONDS = 60

/** What says by itself whether files have changed since their contents were read. */
export interface Look {
  /** Digests by which files are known that haven't changed, by the ids of layers. */
  readonly digests: ReadonlyMap<string, string>
  /** Those that have changed so lately that a further change could not be told. */
  readonly unsettled: ReadonlySet<string>
}

const NOTHING: Look = { digests: new Map(), unsettled: new Set() }

/**
 * Looks at all files of layers, without reading them. Whatever can't be looked at, or not with this find(1), is missing.
 * @param now milliseconds since 1970, before the look
 */
export async function lookAtLayers(
  ids: readonly string[],
  now: number,
  { root, store }: { readonly root: string; readonly store: ContainersStorage },
): Promise<Look> {
  const boot = await readBootId()
  if (ids.length === 0 || boot === '' || !(await hasOwnTimes(root))) return NOTHING
  const fileOf = (id: string) => join(store.folder, 'parts', `look-${id}`)
  const paths = placesOf(store.layout)
    .ofLayer('{}')
    .map((path) => join(root, path))
  const argv = [
    ...[...store.enter, 'timeout', String(TIMEOUT_SECONDS), 'xargs', '-I', '{}'],
    ...['find', ...paths, '-fprintf', fileOf('{}'), LISTED],
  ]
  const options = { env: store.env, cwd: store.folder, input: `${ids.join('\n')}\n` }
  const { exitCode } = await attempt(argv, options)
  const digests = new Map<string, string>()
  const unsettled = new Set<string>()
  for (const id of ids) {
    const listing = await readPlain(fileOf(id), MAX_LISTING).catch(() => undefined)
    await rm(fileOf(id), { force: true })
    if (exitCode !== 0 || listing === undefined) continue
    digests.set(id, createHash('sha256').update(`${boot}\0`).update(listing).digest('hex'))
    if (!isSettled(listing, now)) unsettled.add(id)
  }
  return { digests, unsettled }
}

/** Whether the contents of a layer need not be read again. Pure. */
export function isAsRead({ record, seal, stamp }: Layer, { digests }: Look, now: number): boolean {
  if (seal === undefined || stamp === undefined || digests.get(record.id) !== stamp.digest) return false
  return now >= stamp.read && now - stamp.read < TRUSTED_MS
}

/** The layer with a stamp for the contents that were read right after the look; without one where that tells nothing. Pure. */
export function stamped(layer: Layer, { digests, unsettled }: Look, now: number): Layer {
  const { id } = layer.record
  const digest = unsettled.has(id) ? undefined : digests.get(id)
  return withStamp(layer, digest === undefined ? undefined : { digest, read: now })
}

/** The layer with this stamp, or with none. Pure. */
export function withStamp(layer: Layer, stamp: Stamp | undefined): Layer {
  const one: { -readonly [Name in keyof Layer]: Layer[Name] } = { ...layer }
  delete one.stamp
  return stamp === undefined ? one : { ...one, stamp }
}

/** Waits until what has just changed has another time than whatever changes from now on, where times have fractions. */
export async function settle(): Promise<void> {
  await systemClock.wait(TICK_MS)
}

/** Whether a change after the look would show. Each entry of a listing begins with its seconds since 1970. Pure. */
export function isSettled(listing: Buffer, now: number): boolean {
  let [last, hasFractions, at] = [0, false, 0]
  for (let end = listing.indexOf(0); end >= 0; end = listing.indexOf(0, at)) {
    const seconds = Number(listing.toString('latin1', at, listing.indexOf(' ', at)))
    last = Math.max(last, seconds)
    hasFractions ||= !Number.isInteger(seconds)
    at = end + 1
  }
  return last * 1000 <= now - (hasFractions ? TICK_MS : TICK_OF_SECONDS_MS)
}
