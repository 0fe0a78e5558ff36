import { mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeIndex } from '../backends/branch-indexes.js'
import type { Run } from '../cache.js'
import { indexPath } from '../key.js'
import { normalizeMtimes, putRecords } from './archive.js'
import { indexFile, type Place, removeIds } from './aside.js'
import { readBlobInfoCache } from './blob-info-cache.js'
import { dropMounts, saveMounts } from './cache-mounts-folder.js'
import { emptyIndex, formatIndex, type Index } from './index.js'
import { placesOf, readContents } from './layout.js'
import type { ImageRecord } from './records.js'
import { chooseRetention, withinLimits } from './retention.js'
import { sealImage, sealLayers, withSeal } from './seals.js'
import { bytesOfLayers, type Contents, idsOf, type Restorable, united, withoutIds } from './select.js'

/** What a folder has, branch by branch. */
export interface Branches {
  /** By the names of their files: what their indexes say and the folder has. */
  readonly all: ReadonlyMap<string, Index>
  /** The own index, that of the base and that of the default branch. */
  readonly mine: readonly Index[]
}

/** The same, with what was offered to the build, and was as it should be. */
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
  const saved = await sealed(withoutIds(own, old), contents, state, place)
  const memory = await readBlobInfoCache(store)
  const index = { ...emptyIndex(store), ...saved, mounts, memory }
  await mkdir(dirname(indexFile(place, name)), { recursive: true, mode: 0o700 })
  await writeIndex(indexFile(place, name), formatIndex(index))
  await dropUnused(others, left, place)
}

/** Removes the indexes of branches of which nothing is left that they have used lately. */
async function dropUnused(
  others: readonly (readonly [name: string, index: Index])[],
  left: ReadonlySet<string>,
  place: Place,
): Promise<void> {
  const oldest = place.limits.now - place.limits.ttlMs
  for (const [name, { images }] of others) {
    if (images.some(({ record, used }) => left.has(record.id) && used >= oldest)) continue
    await rm(indexFile(place, name), { recursive: true, force: true })
    await dropMounts(name, place)
  }
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

/** Gives a seal to what has none yet, or is another than it was. Where that fails, whoever is offered it next does. */
async function sealed(
  saved: Restorable,
  contents: Contents,
  { mine, restorable }: State,
  place: Place,
): Promise<Restorable> {
  const { root, store } = place
  const offered = new Map([...restorable.layers, ...restorable.images].map((one) => [one.record.id, one]))
  const made = new Set([...contents.layers, ...contents.images].map(({ id }) => id))
  const layers = saved.layers.filter(({ record }) => made.has(record.id) && !offered.has(record.id))
  const images = saved.images.filter(
    ({ record }) => made.has(record.id) && !isSame(record, offered.get(record.id)?.record),
  )
  const fresh = new Set([...layers, ...images].map(({ record }) => record.id))
  const { layers: oldLayers, images: oldImages } = united([restorable, ...mine])
  const seals = new Map(
    [...oldLayers, ...oldImages].flatMap(({ record: { id }, seal }) =>
      seal === undefined || fresh.has(id) ? [] : [[id, seal]],
    ),
  )
  try {
    const ids = layers.map(({ record }) => record.id)
    await normalizeMtimes(store, root, ids.flatMap(placesOf(store.layout).ofLayer))
    for (const [id, seal] of await sealLayers(ids, bytesOfLayers({ layers }), place)) seals.set(id, seal)
    for (const { record } of images) {
      const seal = await sealImage(record.id, place)
      if (seal !== undefined) seals.set(record.id, seal)
    }
  } catch {
    // A job that is cancelled ends all programs.
  }
  return {
    layers: saved.layers.map((one) => withSeal(one, seals)),
    images: saved.images.map((one) => withSeal(one, seals)),
  }
}

/** Names and what Buildah learns of a layer are in the records alone. */
function isSame(one: ImageRecord, other: ImageRecord | undefined): boolean {
  const files = (record: ImageRecord) => JSON.stringify([record['big-data-digests'], record['big-data-sizes']])
  return other !== undefined && files(one) === files(other)
}
