import { lchown, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freeBytes, freeFiles } from '../../lib/disk-space.js'
import { readIndexes } from '../backends/branch-indexes.js'
import { failureOf } from '../errors.js'
import { indexPath } from '../key.js'
import type { Arranged } from '../snapshot.js'
import { putRecords } from './archive.js'
import { arrange, idsThere, indexFile, type Place, removeIds } from './aside.js'
import { changedBaseImages } from './bases.js'
import { removeBlobInfoCache, writeBlobInfoCache } from './blob-info-cache.js'
import { restoreMounts } from './cache-mounts-folder.js'
import { emptyIndex, type Index, parseIndex } from './index.js'
import { readContents } from './layout.js'
import { type Branches, saveInPlace, type State } from './save-in-place.js'
import { checkSeals } from './seals.js'
import {
  bytesOfLayers,
  contentsOf,
  idsOf,
  incompatibleReason,
  type Keys,
  NOTHING_RESTORABLE,
  type Restorable,
  secondsByKey,
  selectRestorable,
  united,
  withoutIds,
} from './select.js'

/** In addition to what is there, this much must be free: a build needs room. */
const MIN_FREE_BYTES = 2 ** 30
const MIN_FREE_FACTOR = 2
/** A base image and the packages of a build have some ten thousand. */
const MIN_FREE_FILES = 50_000
const INDEX_NAME = /^index-[0-9a-f]{12}\.json$/

/**
 * A storage root that stays on the machine. What the build shall not see lies aside meanwhile, and what it sees is what
 * earlier runs have left, by its digests.
 */
export async function arrangeInPlace(options: Omit<Place, 'root' | 'aside'>, keys: Keys): Promise<Arranged> {
  const place = await makePlace(options)
  const { root, store, read } = place
  const { branches, failures } = await findBranches(place)
  const kept = united([...branches.all.values()])
  await refuseFull(place, bytesOfLayers(kept))
  const requested = selectRestorable(branches.mine, read ? keys : new Map(), 'all')
  await arrange(requested, kept, place)
  const { restorable, damage } = await checked(requested, place)
  await putRecords(place.tools, store, { root, contents: contentsOf(restorable) }, place.stagingDir)
  await writeBlobInfoCache(branches.mine.find(({ memory }) => memory.length > 0)?.memory ?? [], store, place.stagingDir)
  const mounts = await restoreMounts(branches.mine, place).catch((error: unknown) => failureOf(error))
  const steps = secondsByKey(restorable)
  const lost = new Set([...idsOf(requested)].filter((id) => !idsOf(restorable).has(id)))
  let state: State = { ...withoutLost(branches, lost), restorable }
  const clear = async () => {
    state = await cleared(state, place)
  }
  return {
    root,
    restored: {
      ...{ images: steps.length, parts: 0, bytes: 0, seconds: 0, stepSeconds: new Map(steps) },
      failures: [...failures, ...damage, ...(mounts === undefined ? [] : [mounts])],
    },
    changedBaseImages: async () => changedBaseImages(state.restorable, await readContents(root, store.layout)),
    clear: idsOf(restorable).size === 0 ? undefined : clear,
    save: (run) => saveInPlace(run, state, place),
  }
}

async function makePlace(options: Omit<Place, 'root' | 'aside'>): Promise<Place> {
  const { folder, store } = options
  for (const name of ['root', 'aside', 'mounts']) {
    const made = await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
    if (made !== undefined && store.foreign) await lchown(made, store.uid, store.gid)
  }
  return { ...options, root: join(folder, 'root'), aside: join(folder, 'aside') }
}

/** Takes everything out of the sight of the build, and forgets what this branch has: it may be what is wrong. */
async function cleared(state: State, place: Place): Promise<State> {
  const [own] = state.mine
  await arrange(NOTHING_RESTORABLE, united([...state.all.values()]), place)
  await putRecords(
    place.tools,
    place.store,
    { root: place.root, contents: contentsOf(NOTHING_RESTORABLE) },
    place.stagingDir,
  )
  await removeBlobInfoCache(place.store)
  const mine = own === undefined ? [] : [{ ...own, ...NOTHING_RESTORABLE, memory: [] }]
  return { ...state, restorable: NOTHING_RESTORABLE, mine }
}

/** What of it is as it was saved; the rest is removed, with what stands on it. */
async function checked(requested: Restorable, place: Place): Promise<{ restorable: Restorable; damage: string[] }> {
  const { restorable: sealed, damaged } = await checkSeals(requested, bytesOfLayers(requested), place)
  if (damaged.size === 0) return { restorable: sealed, damage: [] }
  const restorable = withoutIds(sealed, damaged)
  const left = idsOf(restorable)
  await removeIds(new Set([...idsOf(requested)].filter((id) => !left.has(id))), requested, place)
  const damage = `${damaged.size} of the layers and images in ${place.folder} don't match their digests (a disk fault?); rebuilding their steps`
  return { restorable, damage: [damage] }
}

/** A disk that fills up would fail the build, where the one of the job might not. */
async function refuseFull({ root, store, folder }: Place, bytes: number): Promise<void> {
  const isLess = (here = 0, there = 0, wanted = 0) => here < wanted && here < there
  const [room, elsewhere] = await Promise.all([root, store.folder].map(freeBytes))
  const [files, filesElsewhere] = await Promise.all([root, store.folder].map(freeFiles))
  const [few] = [
    ...(isLess(room, elsewhere, Math.max(MIN_FREE_FACTOR * bytes, MIN_FREE_BYTES))
      ? [`${Math.floor((room ?? 0) / 2 ** 20)} MiB`]
      : []),
    ...(isLess(files, filesElsewhere, MIN_FREE_FILES) ? [`${files ?? 0} files`] : []),
  ]
  if (few !== undefined) throw new Error(`only ${few} free in ${folder}; building without the cache`)
}

/** What the indexes of all branches say and the folder still has, and which of them this build may use. */
async function findBranches(place: Place): Promise<{ branches: Branches; failures: string[] }> {
  const { folder, store, refs } = place
  const names = (await readdir(join(folder, 'indexes')).catch(() => [])).filter((name) => INDEX_NAME.test(name))
  const { indexes, flaws } = await readIndexes(names, (name) => indexFile(place, name), parseIndex)
  const all = new Map<string, Index>()
  const there = await idsThere(united([...indexes.values()]), place)
  for (const [name, index] of indexes) {
    const gone = [...idsOf(index)].filter((id) => !there.has(id))
    all.set(name, withoutIds(index, new Set(gone)))
  }
  const failures: string[] = []
  const mine = refs.map((ref) => {
    const name = indexPath(ref)
    const index = all.get(name)
    const why = index === undefined ? undefined : incompatibleReason(index, store.layout, store.version)
    if (why !== undefined) failures.push(`skipping the saved layers: ${why}`)
    const flaw = flaws.get(name)
    if (flaw !== undefined) failures.push(`skipping the index: ${flaw}`)
    return index === undefined || why !== undefined ? emptyIndex(store) : index
  })
  return { branches: { all, mine }, failures: [...new Set(failures)] }
}

function withoutLost({ all, mine }: Branches, lost: ReadonlySet<string>): Branches {
  return {
    all: new Map([...all].map(([name, index]) => [name, withoutIds(index, lost)])),
    mine: mine.map((index) => withoutIds(index, lost)),
  }
}
