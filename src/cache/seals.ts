import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { attempt } from '../exec.js'
import { withHeadway } from '../headway.js'
import type { Store } from '../store.js'
import type { Offer } from './offer.js'
import { placesOf } from './layout.js'
import { archiveArgs, type Tools } from './pack.js'
import { readPlain, textOfPlain } from './plain-file.js'

/** Where something lies that has a seal, and what reads it. */
export interface Sealed {
  readonly root: string
  readonly store: Store
  readonly tools: Tools
}

/** More than there are processors is of no use, and more than these a disk doesn't give. */
const MOST_AT_ONCE = 4
/** What can't be read as fast as this by far isn't worth it; a file without an end isn't waited for. */
const PATIENCE_SECONDS = 60
const SLOWEST_BYTES_PER_SECOND = 20 * 2 ** 20
/** Manifests, configurations and signatures. */
const MAX_IMAGE_FILE = 64 * 2 ** 20

/**
 * Digests of the files of layers, by id: what an archive of them would have, so that owners, modes, times, attributes
 * and links count. They are read by who sees them as the build does, since files of subordinate users are not for
 * everybody. One that can't be read, or not in time, has none.
 * @param bytes of them all, about
 */
export async function sealLayers(
  ids: readonly string[],
  bytes: number,
  { root, store, tools }: Sealed,
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map()
  const fileOf = (id: string) => join(store.folder, 'parts', `seal-${id}`)
  const each = archiveArgs(tools.tar, 'sha256sum', root, fileOf('{}'))
  const atOnce = Math.min(availableParallelism(), MOST_AT_ONCE)
  const argv = [
    ...[...store.enter, 'timeout', String(secondsFor(bytes))],
    ...['xargs', '-P', String(atOnce), '-I', '{}', ...each, ...placesOf(store.layout).ofLayer('{}')],
  ]
  const options = { env: store.env, cwd: store.folder, input: `${ids.join('\n')}\n` }
  const checking = (seconds: number) => `Cache: layers are read for their digests, ${Math.round(seconds)} s so far`
  const { exitCode, stderr } = await withHeadway(checking, () => attempt(argv, options))
  // Who can't even be started: nothing of it is known.
  if ([125, 126, 127].includes(exitCode)) throw new Error(`layers can't be read for their digests: ${stderr.trim()}`)
  const seals = new Map<string, string>()
  for (const id of ids) {
    const [, seal] = /^([0-9a-f]{64}) /.exec((await textOfPlain(fileOf(id), 1000)) ?? '') ?? []
    await rm(fileOf(id), { force: true })
    if (seal !== undefined) seals.set(id, seal)
  }
  return seals
}

/** Digest of a folder with all in it, likewise; undefined where it can't be read in time. */
export async function sealFolder(folder: string, { store, tools }: Omit<Sealed, 'root'>): Promise<string | undefined> {
  const file = join(store.folder, 'parts', 'seal-folder')
  const argv = [...archiveArgs(tools.tar, 'sha256sum', folder, file), '.']
  const options = { env: store.env, cwd: store.folder }
  const { exitCode } = await attempt([...store.enter, 'timeout', String(10 * PATIENCE_SECONDS), ...argv], options)
  const [, seal] = /^([0-9a-f]{64}) /.exec((await textOfPlain(file, 1000)) ?? '') ?? []
  await rm(file, { force: true })
  return exitCode === 0 ? seal : undefined
}

/** Digest of the files beside an image, by their names; undefined where something else lies there. */
export async function sealImage(id: string, { root, store }: Omit<Sealed, 'tools'>): Promise<string | undefined> {
  const [folder = ''] = placesOf(store.layout).ofImage(id)
  const hash = createHash('sha256')
  try {
    for (const name of (await readdir(join(root, folder))).sort()) {
      const content = await readPlain(join(root, folder, name), MAX_IMAGE_FILE)
      hash.update(`${name}\0${content?.length ?? ''}\0`).update(content ?? '')
    }
  } catch {
    return undefined
  }
  return hash.digest('hex')
}

/** Ids of the layers and images of an offer that aren't what they were when they were sealed. */
export async function damagedOf(offer: Offer, bytes: number, place: Sealed): Promise<Set<string>> {
  const { layers, images } = offer
  const ids = layers.map(({ record }) => record.id)
  const now = await sealLayers(ids, bytes, place)
  const damaged = layers.filter(({ record, seal }) => seal === undefined || now.get(record.id) !== seal)
  const wrong = await Promise.all(
    images.map(async ({ record, seal }) => seal === undefined || (await sealImage(record.id, place)) !== seal),
  )
  return new Set([...damaged, ...images.filter((_, index) => wrong[index])].map(({ record }) => record.id))
}

function secondsFor(bytes: number): number {
  return PATIENCE_SECONDS + Math.ceil(bytes / SLOWEST_BYTES_PER_SECOND)
}
