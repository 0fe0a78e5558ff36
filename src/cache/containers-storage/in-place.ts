import { join } from 'node:path'
import { failureOf } from '../errors.js'
import type { Arranged } from '../snapshot.js'
import { putRecords } from './archive.js'
import { arrange, makeFolders, type Place } from './aside.js'
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
  const memory = branches.mine.find((index) => index.memory.length > 0)?.memory ?? []
  // One after the other: whoever fails lets go of the folder, and nothing may still write to it then.
  await putRecords(place.tools, store, { root, contents: contentsOf(restorable) }, place.stagingDir)
  await writeBlobInfoCache(memory, store, place.stagingDir)
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
