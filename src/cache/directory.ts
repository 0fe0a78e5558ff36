import { lchown, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe } from '../errors.js'
import { execute } from '../exec.js'
import type { Store } from '../store.js'
import { renewedBases } from './bases.js'
import {
  type Cache,
  coldIn,
  NOTHING_RESTORED,
  NOTHING_SAVED,
  type Restored,
  type Run,
  type Saved,
  type Warm,
} from './cache.js'
import { formatIndex, type Index, parseIndex } from './index.js'
import { openDirectoryBlobs } from './directory-blobs.js'
import { freeBytes } from './disk.js'
import { areThere, placesOf, readContents } from './layout.js'
import { type Lock, takeLock } from './lock.js'
import { readMemory, writeMemory } from './memory.js'
import { mountsFolder } from './mounts.js'
import { findTools, putRecords, removeStray, type Tools } from './pack.js'
import {
  bytesOfLayers,
  chooseOffer,
  type Contents,
  contentsOf,
  type Offer,
  whyUseless,
  withoutParts,
  type Keys,
} from './offer.js'
import { directoryNote } from './note.js'
import type { DirectoryOptions } from './options.js'
import { chooseKeeping, withinLimits } from './plan.js'
import { troubleOf } from './trouble.js'

/** Beside what is there, this much must be free: a build needs room. */
const ROOM = 2 ** 30
const ROOM_FACTOR = 2
/** Branches take turns in one root: each of them finds its own. */
const PER_KEY = 8

/** Everything about the folder of one scope, while its lock is held. */
interface Place extends DirectoryOptions {
  readonly folder: string
  readonly root: string
  readonly store: Store
  readonly tools: Tools
  readonly lock: Lock
}

/**
 * A storage root that stays on the machine: nothing is packed, nothing is moved. Steps that the build shall not see are
 * taken out of the records, and stay where they are.
 */
export function openDirectory(options: DirectoryOptions): Cache {
  let lock: Lock | undefined
  return {
    async open(store, keys, privateRoot) {
      const started = Date.now()
      try {
        const tools = await findTools(store)
        if (typeof tools === 'string') throw new Error(`nothing is kept between runs: ${tools}`)
        const folder = join(options.directory, `${options.scope}-${store.layout}-${store.uid}`)
        await makeFolders(folder, store)
        lock = await takeLock(folder)
        if (lock === undefined)
          throw new Error(`another job builds in ${folder}, so this one does without what is there`)
        const place = { ...options, folder, root: join(folder, 'root'), store, tools, lock }
        return await openPlace(place, keys, started)
      } catch (error) {
        await lock?.release()
        return { ...coldIn(privateRoot), restored: { ...NOTHING_RESTORED, troubles: [troubleOf(error)] } }
      }
    },
    async openBlobs(blobs, privateRoot) {
      // The builder of a machine that stays has them anyway.
      if (blobs.staysInEngine) return coldIn(privateRoot)
      try {
        const folder = join(options.directory, `${options.scope}-${blobs.layout}-${process.getuid?.() ?? 0}`)
        await mkdir(folder, { recursive: true, mode: 0o700 })
        lock = await takeLock(folder)
        if (lock === undefined)
          throw new Error(`another job builds with ${folder}, so this one does without what is there`)
        return await openDirectoryBlobs(folder, blobs, lock, options)
      } catch (error) {
        await lock?.release()
        return { ...coldIn(privateRoot), restored: { ...NOTHING_RESTORED, troubles: [troubleOf(error)] } }
      }
    },
    note: directoryNote(options),
    requests: () => 0,
    async close() {
      await lock?.release()
    },
  }
}

async function makeFolders(folder: string, store: Store): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o711 })
  for (const name of ['root', 'mounts']) {
    const made = await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
    if (made !== undefined && store.foreign) await lchown(made, store.uid, store.gid)
  }
}

async function openPlace(place: Place, keys: Keys, started: number): Promise<Warm> {
  const { root, store, read } = place
  const { index, troubles } = await readIndex(place)
  const contents = await readContents(root, store.layout)
  const present = { ...index, ...(await presentOf(index, contents, place)) }
  await refuseFull(place, bytesOfLayers(present))
  const offer = chooseOffer([present], read ? keys : new Map(), 'all')
  await removeStray(store, root, contentsOf(present))
  // Layers of hidden steps stay in the records: without an image nothing finds them.
  const records = { layers: contentsOf(present).layers, images: contentsOf(offer).images }
  await putRecords(place.tools, store, root, records, place.desk, 'no links')
  await writeMemory(present.memory, store)
  if (place.mounts && place.write) await moveMounts(join(place.folder, 'mounts/all'), privateMounts(store), place)
  const steps = offer.images.flatMap(({ key, seconds }) => (key === undefined ? [] : [[key, seconds] as const]))
  const restored: Restored = {
    ...{ images: steps.length, parts: 0, bytes: 0, seconds: (Date.now() - started) / 1000 },
    stepSeconds: new Map(steps),
    troubles,
  }
  return {
    root,
    restored,
    renewedBases: async () => renewedBases(offer, await readContents(root, store.layout)),
    keep: (run) => keepAll(run, present, place),
  }
}

/** A disk that fills up would fail the build, where the one of the job might not. */
async function refuseFull({ root, store, folder }: Place, bytes: number): Promise<void> {
  const [here, there] = await Promise.all([root, store.folder].map(freeBytes))
  if (here === undefined || there === undefined || here >= Math.max(ROOM_FACTOR * bytes, ROOM) || here >= there) return
  throw new Error(`${Math.floor(here / 2 ** 20)} MiB are free in ${folder}, so this job builds without what is there`)
}

/** What the index says and the root still has, steps that were hidden included. */
async function presentOf(index: Index, contents: Contents, { root, store }: Place): Promise<Offer> {
  const { ofImage } = placesOf(store.layout)
  const there = new Set(contents.layers.map(({ id }) => id))
  const images = await Promise.all(
    index.images.map(async (image) => ((await areThere(root, ofImage(image.record.id))) ? [image] : [])),
  )
  const layers = index.layers.filter(({ record }) => there.has(record.id))
  return withoutParts({ images: images.flat(), layers }, new Set())
}

async function readIndex({ folder, store }: Place): Promise<{ index: Index; troubles: string[] }> {
  const empty = { buildah: store.version, layout: store.layout, parts: [], layers: [], images: [] }
  const none: Index = { ...empty, mounts: undefined, pushed: [], memory: [] }
  const text = await readFile(join(folder, 'index.json'), 'utf8').catch(() => undefined)
  if (text === undefined) return { index: none, troubles: [] }
  try {
    const index = parseIndex(text)
    const why = whyUseless(index, store.layout, store.version)
    return why === undefined ? { index, troubles: [] } : { index: none, troubles: [`the root is not used: ${why}`] }
  } catch (error) {
    return { index: none, troubles: [`the index is not used: ${describe(error)}`] }
  }
}

/** Writes down what the root has now, and removes what is too old or too much. */
async function keepAll(run: Run, present: Index, place: Place): Promise<Saved> {
  const { store, root, folder, limits, lock } = place
  const started = Date.now()
  // What isn't in the index is removed before the next build.
  if (!place.write) return NOTHING_SAVED
  try {
    if (!(await lock.isHeld()))
      throw new Error(`another job took over ${folder} meanwhile, so nothing of this one is kept`)
    if (place.mounts) await moveMounts(privateMounts(store), join(folder, 'mounts/all'), place)
    const contents = await readContents(root, store.layout)
    const keeping = chooseKeeping(contents, run.steps, [present], limits.now, run.ours)
    const kept = withinLimits(keeping, bytesOfLayers, { ...limits, perKey: PER_KEY })
    await removeOld(present, kept, contents, place)
    const index = { ...present, ...kept, buildah: store.version, memory: await readMemory(store) }
    await writeFile(join(folder, 'index.json.new'), formatIndex(index), { mode: 0o600 })
    await rename(join(folder, 'index.json.new'), join(folder, 'index.json'))
    return { ...NOTHING_SAVED, seconds: (Date.now() - started) / 1000 }
  } catch (error) {
    return { ...NOTHING_SAVED, troubles: [troubleOf(error)] }
  }
}

/** What this run has made stays in any case: later steps of the job may want it. */
async function removeOld(before: Offer, kept: Offer, contents: Contents, place: Place): Promise<void> {
  const { root, store, tools, desk } = place
  const left = new Set([...kept.images, ...kept.layers].map(({ record }) => record.id))
  const old = new Set([...before.images, ...before.layers].map(({ record }) => record.id).filter((id) => !left.has(id)))
  if (old.size === 0) return
  const records = {
    layers: contents.layers.filter(({ id }) => !old.has(id)),
    images: contents.images.filter(({ id, layer }) => !old.has(id) && !(layer !== undefined && old.has(layer))),
  }
  await putRecords(tools, store, root, records, desk, 'no links')
  await removeStray(store, root, records)
}

function privateMounts(store: Store): string {
  return join(store.folder, 'tmp', mountsFolder(store))
}

async function moveMounts(from: string, to: string, { store }: Place): Promise<void> {
  const isThere = await stat(from).then(
    () => true,
    () => false,
  )
  const options = { env: store.env, cwd: store.folder }
  if (isThere) await execute([...store.enter, 'mv', '-T', '--', from, to], options)
}
