import { rm } from 'node:fs/promises'
import { describe } from '../../errors.js'
import type { ContainersStorage } from '../../build-storage.js'
import { changedBaseImages } from '../containers-storage/bases.js'
import {
  type Cache,
  emptyCacheIn,
  NOTHING_RESTORED,
  NOTHING_SAVED,
  type Restored,
  type Run,
  type Saved,
} from '../cache.js'
import { lackOfRoom } from '../../lib/disk-space.js'
import type { Entries } from './entries.js'
import { formatIndex, type Index, parseIndex } from '../containers-storage/index.js'
import { keep, type Kept, type Order, planRetention } from '../containers-storage/save.js'
import { type BlobOrder, saveBlobs, planBlobs } from '../oci-layout/save.js'
import { QUICK_BYTES, writeLater } from './later.js'
import { readContents } from '../containers-storage/layout.js'
import { fetchIndex } from './lookup.js'
import { dropMemory, writeMemory } from '../containers-storage/blob-info-cache.js'
import { unpackMounts } from '../containers-storage/cache-mounts.js'
import { emptyRoot, findTools } from '../containers-storage/archive.js'
import { mapConcurrent } from '../../lib/concurrency.js'
import {
  bytesOfLayers,
  selectRestorable,
  type Keys,
  type Restorable,
  incompatibleReason,
} from '../containers-storage/select.js'
import { remoteNote } from '../note.js'
import type { RemoteOptions } from '../options.js'
import { bytesOfGroups } from '../containers-storage/retention.js'
import { openRemoteBlobs } from '../oci-layout/remote.js'
import { fetchPart, restore, type Workplace } from '../containers-storage/restore.js'
import { failureOf } from '../errors.js'

/** What is left to do after the step, as it is written down for it. */
export interface Later {
  readonly order: Order
  readonly store: ContainersStorage
  readonly deadlineMs: number
  /** What was said already. */
  readonly said: readonly string[]
}

interface ResolvedEngine {
  /** In the order of the refs, those that are missing left out. */
  readonly indexes: readonly Index[]
  readonly failures: readonly string[]
}

interface Filled {
  readonly restorable: Restorable
  readonly restored: Restored
}

const NO_OFFER: Restorable = { images: [], layers: [] }

/** Starts to look for what the last runs left. */
export function openRemote(options: RemoteOptions): Cache {
  const fetching = options.read ? fetchIndexes(options) : Promise.resolve({ indexes: [], failures: [] })
  return {
    async open(store, keys, root) {
      const started = Date.now()
      const found = await fetching
      const useful = found.indexes.filter(
        (index) => incompatibleReason(index, store.layout, store.version) === undefined,
      )
      const flaws = found.indexes.flatMap((index) => incompatibleReason(index, store.layout, store.version) ?? [])
      const tools = await findTools(store).catch((error: unknown) => describe(error))
      if (typeof tools === 'string') {
        const restored = { ...NOTHING_RESTORED, failures: [`nothing is kept between runs: ${tools}`] }
        return { ...emptyCacheIn(root), restored }
      }
      const place = { ...options, tools, store }
      const { restorable, restored } = await fill(useful, keys, root, place).catch((error: unknown) =>
        lost(failureOf(error)),
      )
      const failures = [...found.failures, ...flaws, ...restored.failures, ...options.entries.failures()]
      let state = { restorable, indexes: useful }
      const clear = async () => {
        state = { restorable: NO_OFFER, indexes: [] }
        await emptyRoot(store, root)
        await dropMemory(store)
      }
      return {
        root,
        restored: { ...restored, seconds: (Date.now() - started) / 1000, failures: [...new Set(failures)] },
        changedBaseImages: async () => changedBaseImages(state.restorable, await readContents(root, store.layout)),
        clear: restorable.images.length === 0 ? undefined : clear,
        keep: ({ failed, ...run }) => {
          const said = options.entries.failures()
          return keepSome({ ...run, ...orderOf(options, state.indexes), root }, failed, { ...place, said }, options)
        },
      }
    },
    async openBlobs(blobs, root) {
      // What is looked for there has the same place in the staging directory.
      await fetching
      return await openRemoteBlobs(options, blobs, root)
    },
    note: remoteNote(options),
    requests: () => options.entries.counts().requests,
    close() {
      options.entries.close()
      return Promise.resolve()
    },
  }
}

async function fetchIndexes(options: RemoteOptions): Promise<ResolvedEngine> {
  const { refs } = options
  const indexes: (Index | undefined)[] = []
  const failures = new Set<string>()
  await mapConcurrent(refs, refs.length, async (ref, place) => {
    try {
      const text = await fetchIndex(ref, options)
      if (text !== undefined) indexes[place] = parseIndex(text)
    } catch (error) {
      failures.add(`an index is not used: ${describe(error)}`)
    }
  })
  return { indexes: indexes.filter((index) => index !== undefined), failures: [...failures] }
}

async function fill(
  indexes: readonly Index[],
  keys: Keys,
  root: string,
  place: Workplace & Pick<RemoteOptions, 'mounts'>,
): Promise<Filled> {
  const restorable = selectRestorable(indexes, keys, 'one')
  const parts = indexes.flatMap((index) => index.parts)
  const mounts = place.mounts ? indexes.find((index) => index.mounts !== undefined)?.mounts : undefined
  if (restorable.images.length === 0 && mounts === undefined)
    return { restorable: NO_OFFER, restored: NOTHING_RESTORED }
  const lack = await lackOfRoom(root, bytesOfLayers(restorable))
  if (lack !== undefined) return lost(lack)
  await writeMemory(indexes.find(({ memory }) => memory.length > 0)?.memory ?? [], place.store, place.stagingDir)
  const [back, failure] = await Promise.all([
    restore(restorable, parts, root, place),
    restoreMounts(mounts, parts, place).catch((error: unknown) => failureOf(error)),
  ])
  const steps = back.restorable.images.flatMap(({ key, seconds }) =>
    key === undefined ? [] : [[key, seconds] as const],
  )
  const restored = {
    ...{ images: steps.length, parts: back.parts, bytes: back.bytes, seconds: 0 },
    stepSeconds: new Map(steps),
    failures: [...back.failures, ...(failure === undefined ? [] : [failure])],
  }
  return { restorable: back.restorable, restored }
}

async function restoreMounts(
  mounts: string | undefined,
  parts: readonly { sha256: string; bytes: number }[],
  place: Workplace,
): Promise<undefined> {
  const part = parts.find(({ sha256 }) => sha256 === mounts)
  if (part === undefined) return
  const archive = await fetchPart(part, place)
  await unpackMounts(place.tools, place.store, archive)
  await rm(archive)
}

function orderOf(options: RemoteOptions, indexes: readonly Index[]): Omit<Order, keyof Run | 'root'> {
  const { scope, refs, unique, mounts, limits } = options
  return { scope, ref: refs[0] ?? '', unique, mounts, limits, indexes: indexes.map(formatIndex) }
}

/** Keeps at once what is quickly kept, and writes down the rest. */
async function keepSome(
  order: Order,
  failed: boolean,
  place: Workplace & { readonly said: readonly string[] },
  { write, deadlineMs }: RemoteOptions,
): Promise<Saved> {
  // Who has stopped asking the service doesn't begin again after the job; a job that is cancelled stops everything.
  if (!write || (place.entries.isStopped() && !failed)) return NOTHING_SAVED
  const started = Date.now()
  try {
    const plan = await planRetention(order, place.store)
    if (!plan.isDue && !order.mounts) return NOTHING_SAVED
    if (bytesOfGroups(plan.groups) > QUICK_BYTES || order.mounts || failed) {
      const later: Later = { order, store: place.store, deadlineMs, said: place.said }
      return { ...NOTHING_SAVED, later: await writeLater(place.stagingDir, later) }
    }
    return savedOf(await keep(order, plan, place, deadlineMs), started, place)
  } catch (error) {
    return { ...NOTHING_SAVED, failures: [failureOf(error)] }
  }
}

/**
 * Does what main has left to do.
 * @throws Error when it can't be begun
 */
export async function keepLater(later: Later | BlobOrder, entries: Entries, stagingDir: string): Promise<Saved> {
  if ('kind' in later) return await saveBlobs(later, await planBlobs(later), { entries, stagingDir })
  const { order, store, deadlineMs, said } = later
  const started = Date.now()
  const tools = await findTools(store)
  if (typeof tools === 'string') throw new Error(tools)
  const place = { entries, stagingDir, store, tools }
  return savedOf(await keep(order, await planRetention(order, store), place, deadlineMs), started, { entries, said })
}

function savedOf(
  { parts, bytes, failures }: Kept,
  started: number,
  { entries, said }: { readonly entries: Entries; readonly said: readonly string[] },
): Saved {
  // A service that fails is said to be so once.
  const known = said.length > 0 ? entries.failures() : []
  const news = failures.filter((failure) => !known.includes(failure))
  return { parts, bytes, seconds: (Date.now() - started) / 1000, failures: news, later: undefined }
}

function lost(failure: string): Filled {
  return { restorable: NO_OFFER, restored: { ...NOTHING_RESTORED, failures: [failure] } }
}
