import { createHash } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { attempt } from '../../exec.js'
import { withProgress } from '../../lib/progress.js'
import type { ContainersStorage } from '../../build-storage.js'
import type { Image, Layer } from './index.js'
import { placesOf } from './layout.js'
import { bytesOfLayers, type Restorable } from './select.js'
import { archiveArgs, normalizeMtimes, type Tools } from './archive.js'
import { isAsRead, lookAtLayers, stamped } from './stamps.js'
import { readPlain, textOfPlain } from '../../lib/plain-file.js'

/** Where something lies that has a seal, and what reads it. */
export interface Sealed {
  readonly root: string
  readonly store: ContainersStorage
  readonly tools: Tools
}

/** More than there are processors is of no use, and more than these a disk doesn't give. */
const MAX_CONCURRENCY = 4
/** What can't be read as fast as this by far isn't worth it; a file without an end isn't waited for. */
const BASE_TIMEOUT_SECONDS = 60
const SLOWEST_BYTES_PER_SECOND = 20 * 2 ** 20
/** How timeout(1) ends then. */
const TIMED_OUT = 124
/** Manifests, configurations and signatures. */
const MAX_IMAGE_FILE = 64 * 2 ** 20

/**
 * Digests of the files of layers, by id: what an archive of them would have, so that owners, modes, times, attributes
 * and links count. They are read by who sees them as the build does, since files of subordinate users are not for
 * everybody. One that can't be read in time has none.
 * @param bytes of them all, about
 * @throws Error if one isn't there or can't be read
 */
export async function sealLayers(
  ids: readonly string[],
  bytes: number,
  place: Sealed,
): Promise<ReadonlyMap<string, string>> {
  const { seals, whole } = await digestLayers(ids, bytes, place)
  if (!whole) throw new Error('could not compute the digests of all layers')
  return seals
}

/** What can't be read has a digest as well, which no layer has. */
async function digestLayers(
  ids: readonly string[],
  bytes: number,
  { root, store, tools }: Sealed,
): Promise<{ readonly seals: ReadonlyMap<string, string>; readonly whole: boolean }> {
  if (ids.length === 0) return { seals: new Map(), whole: true }
  const fileOf = (id: string) => join(store.folder, 'parts', `seal-${id}`)
  const each = archiveArgs(tools.tar, tools.digester, root, fileOf('{}'))
  const atOnce = Math.min(availableParallelism(), MAX_CONCURRENCY)
  const argv = [
    ...[...store.enter, 'timeout', String(secondsFor(bytes))],
    ...['xargs', '-P', String(atOnce), '-I', '{}', ...each, ...placesOf(store.layout).ofLayer('{}')],
  ]
  const options = { env: store.env, cwd: store.folder, input: `${ids.join('\n')}\n` }
  const checking = (seconds: number) => `Cache: computing layer digests, ${Math.round(seconds)} s so far`
  const { exitCode, stderr } = await withProgress(checking, () => attempt(argv, options))
  if (exitCode === TIMED_OUT) throw new Error(`could not compute layer digests within ${secondsFor(bytes)} s`)
  // Who can't even be started: nothing of it is known.
  if ([125, 126, 127].includes(exitCode)) throw new Error(`cannot compute layer digests: ${stderr.trim()}`)
  const seals = new Map<string, string>()
  for (const id of ids) {
    const [, seal] = /^([0-9a-f]{64}) /.exec((await textOfPlain(fileOf(id), 1000)) ?? '') ?? []
    await rm(fileOf(id), { force: true })
    if (seal !== undefined) seals.set(id, seal)
  }
  return { seals, whole: exitCode === 0 }
}

/** Digest of a folder with all in it, likewise; undefined if it can't be read in time. */
export async function sealFolder(folder: string, { store, tools }: Omit<Sealed, 'root'>): Promise<string | undefined> {
  const file = join(store.folder, 'parts', 'seal-folder')
  const argv = [...archiveArgs(tools.tar, tools.digester, folder, file), '.']
  const options = { env: store.env, cwd: store.folder }
  const { exitCode } = await attempt([...store.enter, 'timeout', String(10 * BASE_TIMEOUT_SECONDS), ...argv], options)
  const [, seal] = /^([0-9a-f]{64}) /.exec((await textOfPlain(file, 1000)) ?? '') ?? []
  await rm(file, { force: true })
  return exitCode === 0 ? seal : undefined
}

/** Digest of the files next to an image, by their names; undefined if something else lies there. */
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

/**
 * Compares what lies there with what was sealed. What has no seal yet, since its build was cancelled, gets one. What nothing
 * has written to since it was last compared isn't read.
 * @param now milliseconds since 1970, before this look
 * @returns the same offer with all seals, and the ids of what isn't what it was
 */
export async function checkSeals(
  { layers, images }: Restorable,
  now: number,
  place: Sealed,
): Promise<{ readonly restorable: Restorable; readonly damaged: Set<string> }> {
  const bytes = bytesOfLayers({ layers })
  const unsealed = idsOfLayers(layers.filter(({ seal }) => seal === undefined))
  await normalizeMtimes(place.store, place.root, unsealed.flatMap(placesOf(place.store.layout).ofLayer))
  const made = await sealLayers(unsealed, bytes, place).catch(() => new Map<string, string>())
  const sealed = layers.filter(({ seal }) => seal !== undefined)
  const look = await lookAtLayers(idsOfLayers(sealed), now, place)
  const known = new Set(sealed.filter((layer) => isAsRead(layer, look, now)))
  const { seals } = await digestLayers(idsOfLayers(sealed.filter((layer) => !known.has(layer))), bytes, place)
  const found = new Map([...[...known].map(({ record, seal = '' }) => [record.id, seal] as const), ...seals, ...made])
  for (const { record } of images) {
    const seal = await sealImage(record.id, place)
    if (seal !== undefined) found.set(record.id, seal)
  }
  const isDamaged = ({ record, seal = found.get(record.id) }: Layer | Image) =>
    seal === undefined || found.get(record.id) !== seal
  const damaged = [...layers, ...images].filter(isDamaged).map(({ record }) => record.id)
  const restorable = {
    layers: layers.map((one) => (known.has(one) ? one : stamped(withSeal(one, found), look, now))),
    images: images.map((one) => withSeal(one, found)),
  }
  return { restorable, damaged: new Set(damaged) }
}

/** The same with the seal that it has by now, if any. */
export function withSeal<T extends Layer | Image>(one: T, seals: ReadonlyMap<string, string>): T {
  const seal = seals.get(one.record.id)
  return { ...one, ...(seal !== undefined && { seal }) }
}

function idsOfLayers(layers: readonly Layer[]): string[] {
  return layers.map(({ record }) => record.id)
}

function secondsFor(bytes: number): number {
  return BASE_TIMEOUT_SECONDS + Math.ceil(bytes / SLOWEST_BYTES_PER_SECOND)
}
