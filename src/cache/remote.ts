import { rm } from 'node:fs/promises'
import { describe } from '../errors.js'
import type { Store } from '../store.js'
import { renewedBases } from './bases.js'
import { type Cache, coldIn, NOTHING_RESTORED, NOTHING_SAVED, type Restored, type Run, type Saved } from './cache.js'
import { lackOfRoom } from './disk.js'
import type { Entries } from './entries.js'
import { formatIndex, type Index, parseIndex } from './index.js'
import { keep, type Kept, type Order, planKeeping } from './keep.js'
import { type BlobOrder, keepBlobs, planBlobs } from './keep-blobs.js'
import { QUICK_BYTES, writeLater } from './later.js'
import { readContents } from './layout.js'
import { fetchIndex } from './lookup.js'
import { dropMemory, writeMemory } from './memory.js'
import { unpackMounts } from './mounts.js'
import { emptyRoot, findTools } from './pack.js'
import { inParallel } from '../parallel.js'
import { bytesOfLayers, chooseOffer, type Keys, type Offer, whyUseless } from './offer.js'
import { remoteNote } from './note.js'
import type { RemoteOptions } from './options.js'
import { bytesOfGroups } from './plan.js'
import { openRemoteBlobs } from './remote-blobs.js'
import { fetchPart, restore, type Workplace } from './restore.js'
import { troubleOf } from './trouble.js'

/** What is left to do after the step, as it is written down for it. */
export interface Later {
  readonly order: Order
  readonly store: Store
  readonly deadlineMs: number
  /** What was said already. */
  readonly said: readonly string[]
}

interface Found {
  /** In the order of the refs, those that are missing left out. */
  readonly indexes: readonly Index[]
  readonly troubles: readonly string[]
}

interface Filled {
  readonly offer: Offer
  readonly restored: Restored
}

const NO_OFFER: Offer = { images: [], layers: [] }

/** Starts to look for what the last runs left. */
export function openRemote(options: RemoteOptions): Cache {
  const fetching = options.read ? fetchIndexes(options) : Promise.resolve({ indexes: [], troubles: [] })
  return {
    async open(store, keys, root) {
      const started = Date.now()
      const found = await fetching
      const useful = found.indexes.filter((index) => whyUseless(index, store.layout, store.version) === undefined)
      const flaws = found.indexes.flatMap((index) => whyUseless(index, store.layout, store.version) ?? [])
      const tools = await findTools(store).catch((error: unknown) => describe(error))
      if (typeof tools === 'string') {
        const restored = { ...NOTHING_RESTORED, troubles: [`nothing is kept between runs: ${tools}`] }
        return { ...coldIn(root), restored }
      }
      const place = { ...options, tools, store }
      const { offer, restored } = await fill(useful, keys, root, place).catch((error: unknown) =>
        lost(troubleOf(error)),
      )
      const troubles = [...found.troubles, ...flaws, ...restored.troubles, ...options.entries.troubles()]
      let state = { offer, indexes: useful }
      const clear = async () => {
        state = { offer: NO_OFFER, indexes: [] }
        await emptyRoot(store, root)
        await dropMemory(store)
      }
      return {
        root,
        restored: { ...restored, seconds: (Date.now() - started) / 1000, troubles: [...new Set(troubles)] },
        renewedBases: async () => renewedBases(state.offer, await readContents(root, store.layout)),
        clear: offer.images.length === 0 ? undefined : clear,
        keep: ({ failed, ...run }) => {
          const said = options.entries.troubles()
          return keepSome({ ...run, ...orderOf(options, state.indexes), root }, failed, { ...place, said }, options)
        },
      }
    },
    async openBlobs(blobs, root) {
      // What is looked for there has the same place in the desk.
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

async function fetchIndexes(options: RemoteOptions): Promise<Found> {
  const { refs } = options
  const indexes: (Index | undefined)[] = []
  const troubles = new Set<string>()
  await inParallel(refs, refs.length, async (ref, place) => {
    try {
      const text = await fetchIndex(ref, options)
      if (text !== undefined) indexes[place] = parseIndex(text)
    } catch (error) {
      troubles.add(`an index is not used: ${describe(error)}`)
    }
  })
  return { indexes: indexes.filter((index) => index !== undefined), troubles: [...troubles] }
}

async function fill(
  indexes: readonly Index[],
  keys: Keys,
  root: string,
  place: Workplace & Pick<RemoteOptions, 'mounts'>,
): Promise<Filled> {
  const offer = chooseOffer(indexes, keys, 'one')
  const parts = indexes.flatMap((index) => index.parts)
  const mounts = place.mounts ? indexes.find((index) => index.mounts !== undefined)?.mounts : undefined
  if (offer.images.length === 0 && mounts === undefined) return { offer: NO_OFFER, restored: NOTHING_RESTORED }
  const lack = await lackOfRoom(root, bytesOfLayers(offer))
  if (lack !== undefined) return lost(lack)
  await writeMemory(indexes.find(({ memory }) => memory.length > 0)?.memory ?? [], place.store, place.desk)
  const [back, trouble] = await Promise.all([
    restore(offer, parts, root, place),
    restoreMounts(mounts, parts, place).catch((error: unknown) => troubleOf(error)),
  ])
  const steps = back.offer.images.flatMap(({ key, seconds }) => (key === undefined ? [] : [[key, seconds] as const]))
  const restored = {
    ...{ images: steps.length, parts: back.parts, bytes: back.bytes, seconds: 0 },
    stepSeconds: new Map(steps),
    troubles: [...back.troubles, ...(trouble === undefined ? [] : [trouble])],
  }
  return { offer: back.offer, restored }
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
    const plan = await planKeeping(order, place.store)
    if (!plan.isDue && !order.mounts) return NOTHING_SAVED
    if (bytesOfGroups(plan.groups) > QUICK_BYTES || order.mounts || failed) {
      const later: Later = { order, store: place.store, deadlineMs, said: place.said }
      return { ...NOTHING_SAVED, later: await writeLater(place.desk, later) }
    }
    return savedOf(await keep(order, plan, place, deadlineMs), started, place)
  } catch (error) {
    return { ...NOTHING_SAVED, troubles: [troubleOf(error)] }
  }
}

/**
 * Does what main has left to do.
 * @throws Error when it can't be begun
 */
export async function keepLater(later: Later | BlobOrder, entries: Entries, desk: string): Promise<Saved> {
  if ('kind' in later) return await keepBlobs(later, await planBlobs(later), { entries, desk })
  const { order, store, deadlineMs, said } = later
  const started = Date.now()
  const tools = await findTools(store)
  if (typeof tools === 'string') throw new Error(tools)
  const place = { entries, desk, store, tools }
  return savedOf(await keep(order, await planKeeping(order, store), place, deadlineMs), started, { entries, said })
}

function savedOf(
  { parts, bytes, troubles }: Kept,
  started: number,
  { entries, said }: { readonly entries: Entries; readonly said: readonly string[] },
): Saved {
  // A service that is in trouble is said to be so once.
  const known = said.length > 0 ? entries.troubles() : []
  const news = troubles.filter((trouble) => !known.includes(trouble))
  return { parts, bytes, seconds: (Date.now() - started) / 1000, troubles: news, later: undefined }
}

function lost(trouble: string): Filled {
  return { offer: NO_OFFER, restored: { ...NOTHING_RESTORED, troubles: [trouble] } }
}
