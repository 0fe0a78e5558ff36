import type { Run } from '../cache.js'
import { indexPath } from '../key.js'
import { putRecords } from './archive.js'
import { type Place, removeIds } from './aside.js'
import { type Branches, dropUnused, writeBranch } from './branches.js'
import { readBlobInfoCache } from './blob-info-cache.js'
import { saveMounts } from './cache-mounts-folder.js'
import { emptyIndex } from './index.js'
import { readContents } from './layout.js'
import { chooseRetention, withinLimits } from './retention.js'
import { sealSaved } from './sealed.js'
import { bytesOfLayers, type Contents, idsOf, type Restorable, united, withoutIds } from './select.js'

/** The branches, and what was offered to the build after its seals were checked. */
export interface State extends Branches {
  readonly restorable: Restorable
}

/** Steps of one text on other files than the last time: whoever takes a change back finds what was before it. */
const PER_KEY = 8

/**
 * Writes down what the root has now, for this branch, and removes what is too old or too much, whichever branch it is of.
 */
export async function saveInPlace(run: Run, state: State, place: Place): Promise<void> {
  const { store, root, limits, refs } = place
  const name = indexPath(refs[0] ?? '')
  const mounts = (await saveMounts(name, place)) ?? state.mine[0]?.mounts
  const contents = await readContents(root, store.layout)
  const keeping = chooseRetention(contents, { steps: run.steps, ours: run.ours }, state.mine, limits.now)
  const own = withinLimits(keeping, bytesOfLayers, { ...limits, maxBytes: Infinity, perKey: PER_KEY })
  const others = [...state.all].filter(([other]) => other !== name)
  const wanted = united([own, ...others.map(([, index]) => index)])
  const left = idsOf(withinLimits(wanted, bytesOfLayers, { ...limits, perKey: Infinity }))
  const before = united([...state.all.values()])
  const old = new Set([...idsOf(united([wanted, before]))].filter((id) => !left.has(id)))
  await removeOld(old, before, contents, place)
  const saved = await sealSaved(withoutIds(own, old), contents, state, place)
  const memory = await readBlobInfoCache(store)
  const index = { ...emptyIndex(store), ...saved, mounts, memory }
  await writeBranch(name, index, place)
  await dropUnused(others, left, place)
}

/** What this run has made stays in any case: later steps of the job may want it. */
async function removeOld(
  old: ReadonlySet<string>,
  before: Restorable,
  contents: Contents,
  place: Place,
): Promise<void> {
  const { root, store, tools, stagingDir } = place
  const known = new Set([...idsOf(before)].filter((id) => old.has(id)))
  if (known.size === 0) return
  const records = {
    layers: contents.layers.filter(({ id }) => !known.has(id)),
    images: contents.images.filter(({ id, layer }) => !known.has(id) && !(layer !== undefined && known.has(layer))),
  }
  await putRecords(tools, store, { root, contents: records, links: 'no links' }, stagingDir)
  await removeIds(known, before, place)
}
