import { lchown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ContainersStorage } from '../../build-storage.js'
import { failureOf } from '../errors.js'
import type { Arranged } from '../snapshot.js'
import { putRecords } from './archive.js'
import { arrange, type Place } from './aside.js'
import { findChangedBaseImages } from './bases.js'
import { findBranches, withoutLost } from './branches.js'
import { refuseFull } from './room.js'
import { withoutDamage } from './sealed.js'
import { removeBlobInfoCache, writeBlobInfoCache } from './blob-info-cache.js'
import { restoreMounts } from './cache-mounts-folder.js'
import { saveInPlace, type State } from './save-in-place.js'
import {
  bytesOfLayers,
  contentsOf,
  idsOf,
  type Keys,
  NOTHING_RESTORABLE,
  secondsByKey,
  selectRestorable,
  united,
} from './select.js'

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
  const { restorable, damage } = await withoutDamage(requested, place)
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
    changedBaseImages: () => findChangedBaseImages(state.restorable, root, store.layout),
    clear: idsOf(restorable).size === 0 ? undefined : clear,
    save: (run) => saveInPlace(run, state, place),
  }
}

async function makePlace(options: Omit<Place, 'root' | 'aside'>): Promise<Place> {
  const { folder, store } = options
  return { ...options, root: await makeFolders(folder, store), aside: join(folder, 'aside') }
}

/** Name of the folder of a scope, behind the scope: it tells apart roots that can't be mixed. Pure. */
export function folderName({ layout, uid }: Pick<ContainersStorage, 'layout' | 'uid'>): string {
  return `${layout}-${uid}`
}

/** Makes what is missing in the folder of a scope. @returns path of the storage root, absolute */
export async function makeFolders(
  folder: string,
  { foreign, uid, gid }: Pick<ContainersStorage, 'foreign' | 'uid' | 'gid'>,
): Promise<string> {
  for (const name of ['root', 'aside', 'mounts']) {
    const made = await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
    if (made !== undefined && foreign) await lchown(made, uid, gid)
  }
  return join(folder, 'root')
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
