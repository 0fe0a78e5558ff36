import { lchown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContainersStorage } from '../../build-storage.js'
import { arrange, idsThere, removeIds } from '../aside.js'
import { changedBaseImages } from '../containers-storage/bases.js'
import { branchName, readIndexes } from '../branch-indexes.js'
import { type Cache, emptyCacheIn, NOTHING_RESTORED, type Restored, type Warm } from '../cache.js'
import type { Index } from '../containers-storage/index.js'
import { openDirectoryBlobs } from '../oci-layout/directory.js'
import { type Branches, keepAll, type State } from './directory-save.js'
import { freeBytes, freeFiles } from '../../lib/disk-space.js'
import { readContents } from '../containers-storage/layout.js'
import { type Lock, takeLock } from './lock.js'
import { dropMemory, writeMemory } from '../containers-storage/blob-info-cache.js'
import { bringMounts } from '../containers-storage/cache-mounts-folder.js'
import { findTools, putRecords } from '../containers-storage/archive.js'
import {
  bytesOfLayers,
  selectRestorable,
  contentsOf,
  idsOf,
  type Keys,
  type Restorable,
  united,
  incompatibleReason,
  withoutIds,
} from '../containers-storage/select.js'
import { directoryNote } from '../note.js'
import type { DirectoryOptions } from '../options.js'
import type { Place } from '../place.js'
import { checkSeals } from '../seals.js'
import { failureOf } from '../errors.js'

/** Beside what is there, this much must be free: a build needs room. */
const ROOM = 2 ** 30
const ROOM_FACTOR = 2
/** A base image and the packages of a build have some ten thousand. */
const FILES = 50_000
const NOTHING: Restorable = { images: [], layers: [] }

/**
 * A storage root that stays on the machine: nothing is packed. What the build shall not see lies aside meanwhile, and
 * what it sees is what earlier runs have left, by its digests.
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
        const [root, aside] = ['root', 'aside'].map((name) => join(folder, name)) as [string, string]
        return await openPlace({ ...options, folder, root, aside, store, tools, lock }, keys, started)
      } catch (error) {
        await lock?.release()
        return { ...emptyCacheIn(privateRoot), restored: { ...NOTHING_RESTORED, failures: [failureOf(error)] } }
      }
    },
    async openBlobs(blobs, privateRoot) {
      // The builder of a machine that stays has them anyway.
      if (blobs.staysInEngine) return emptyCacheIn(privateRoot)
      try {
        const folder = join(options.directory, `${options.scope}-${blobs.layout}-${process.getuid?.() ?? 0}`)
        await mkdir(folder, { recursive: true, mode: 0o700 })
        lock = await takeLock(folder)
        if (lock === undefined)
          throw new Error(`another job builds with ${folder}, so this one does without what is there`)
        return await openDirectoryBlobs(folder, blobs, lock, options)
      } catch (error) {
        await lock?.release()
        return { ...emptyCacheIn(privateRoot), restored: { ...NOTHING_RESTORED, failures: [failureOf(error)] } }
      }
    },
    note: directoryNote(options),
    requests: () => 0,
    async close() {
      await lock?.release()
    },
  }
}

async function makeFolders(folder: string, store: ContainersStorage): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o711 })
  for (const name of ['root', 'aside', 'mounts']) {
    const made = await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
    if (made !== undefined && store.foreign) await lchown(made, store.uid, store.gid)
  }
}

async function openPlace(place: Place, keys: Keys, started: number): Promise<Warm> {
  const { root, store, read } = place
  const { branches, failures } = await findBranches(place)
  const kept = united([...branches.all.values()])
  await refuseFull(place, bytesOfLayers(kept))
  const requested = selectRestorable(branches.mine, read ? keys : new Map(), 'all')
  await arrange(requested, kept, place)
  const { restorable, damage } = await checked(requested, place)
  await putRecords(place.tools, store, root, contentsOf(restorable), place.stagingDir)
  await writeMemory(branches.mine.find(({ memory }) => memory.length > 0)?.memory ?? [], store, place.stagingDir)
  const mounts = await bringMounts(branches.mine, place).catch((error: unknown) => failureOf(error))
  const steps = restorable.images.flatMap(({ key, seconds }) => (key === undefined ? [] : [[key, seconds] as const]))
  const restored: Restored = {
    ...{ images: steps.length, parts: 0, bytes: 0, seconds: (Date.now() - started) / 1000 },
    stepSeconds: new Map(steps),
    failures: [...failures, ...damage, ...(mounts === undefined ? [] : [mounts])],
  }
  const lost = new Set([...idsOf(requested)].filter((id) => !idsOf(restorable).has(id)))
  let state: State = { ...withoutLost(branches, lost), restorable }
  const clear = async () => {
    state = await cleared(state, place)
  }
  return {
    root,
    restored,
    changedBaseImages: async () => changedBaseImages(state.restorable, await readContents(root, store.layout)),
    clear: idsOf(restorable).size === 0 ? undefined : clear,
    keep: (run) => keepAll(run, state, place),
  }
}

/** Takes everything out of the sight of the build, and forgets what this branch has: it may be what is wrong. */
async function cleared(state: State, place: Place): Promise<State> {
  const [own] = state.mine
  await arrange(NOTHING, united([...state.all.values()]), place)
  await putRecords(place.tools, place.store, place.root, { layers: [], images: [] }, place.stagingDir)
  await dropMemory(place.store)
  return { ...state, restorable: NOTHING, mine: own === undefined ? [] : [{ ...own, ...NOTHING, memory: [] }] }
}

/** What of it is as it was kept; the rest is removed, with what stands on it. */
async function checked(requested: Restorable, place: Place): Promise<{ restorable: Restorable; damage: string[] }> {
  const { restorable: sealed, damaged } = await checkSeals(requested, bytesOfLayers(requested), place)
  if (damaged.size === 0) return { restorable: sealed, damage: [] }
  const restorable = withoutIds(sealed, damaged)
  const left = idsOf(restorable)
  await removeIds(new Set([...idsOf(requested)].filter((id) => !left.has(id))), requested, place)
  const damage = `${damaged.size} of the layers and images in ${place.folder} are not what was kept (a fault of the disk?), so that their steps are built anew`
  return { restorable, damage: [damage] }
}

/** A disk that fills up would fail the build, where the one of the job might not. */
async function refuseFull({ root, store, folder }: Place, bytes: number): Promise<void> {
  const isLess = (here = 0, there = 0, wanted = 0) => here < wanted && here < there
  const [room, elsewhere] = await Promise.all([root, store.folder].map(freeBytes))
  const [files, filesElsewhere] = await Promise.all([root, store.folder].map(freeFiles))
  const [few] = [
    ...(isLess(room, elsewhere, Math.max(ROOM_FACTOR * bytes, ROOM))
      ? [`${Math.floor((room ?? 0) / 2 ** 20)} MiB`]
      : []),
    ...(isLess(files, filesElsewhere, FILES) ? [`${files ?? 0} files`] : []),
  ]
  if (few !== undefined) throw new Error(`${few} are free in ${folder}, so this job builds without what is there`)
}

/** What the indexes of all branches say and the folder still has, and which of them this build may use. */
async function findBranches(place: Place): Promise<{ branches: Branches; failures: string[] }> {
  const { folder, store, refs } = place
  const { indexes, flaws } = await readIndexes(folder)
  const all = new Map<string, Index>()
  const there = await idsThere(united([...indexes.values()]), place)
  for (const [name, index] of indexes) {
    const gone = [...idsOf(index)].filter((id) => !there.has(id))
    all.set(name, withoutIds(index, new Set(gone)))
  }
  const failures: string[] = []
  const mine = refs.map((ref) => {
    const name = branchName(ref)
    const index = all.get(name)
    const why = index === undefined ? undefined : incompatibleReason(index, store.layout, store.version)
    if (why !== undefined) failures.push(`the root is not used: ${why}`)
    const flaw = flaws.get(name)
    if (flaw !== undefined) failures.push(`the index is not used: ${flaw}`)
    return index === undefined || why !== undefined ? emptyIndex(store) : index
  })
  return { branches: { all, mine }, failures: [...new Set(failures)] }
}

function emptyIndex({ version, layout }: ContainersStorage): Index {
  const nothing = { parts: [], layers: [], images: [], mounts: undefined, pushed: [], memory: [] }
  return { buildah: version, layout, ...nothing }
}

function withoutLost({ all, mine }: Branches, lost: ReadonlySet<string>): Branches {
  return {
    all: new Map([...all].map(([name, index]) => [name, withoutIds(index, lost)])),
    mine: mine.map((index) => withoutIds(index, lost)),
  }
}
