import { normalizeMtimes } from './archive.js'
import { type Place, removeIds } from './aside.js'
import { placesOf } from './layout.js'
import type { ImageRecord } from './records.js'
import type { Layer } from './index.js'
import { checkSeals, sealImage, sealLayers, withSeal } from './seals.js'
import { type Look, lookAtLayers, settle, stamped, withStamp } from './stamps.js'
import { bytesOfLayers, type Contents, idsOf, type Restorable, united, withoutIds } from './select.js'

/** What of it is as it was saved. The rest is removed, with what stands on it. */
export async function withoutDamage(
  requested: Restorable,
  place: Place,
): Promise<{ restorable: Restorable; damage: string[] }> {
  const { restorable: sealed, damaged } = await checkSeals(requested, place.limits.now, place)
  if (damaged.size === 0) return { restorable: sealed, damage: [] }
  const restorable = withoutIds(sealed, damaged)
  const left = idsOf(restorable)
  await removeIds(new Set([...idsOf(requested)].filter((id) => !left.has(id))), requested, place)
  const damage = `${damaged.size} of the layers and images in ${place.folder} don't match their digests (a disk fault?); rebuilding their steps`
  return { restorable, damage: [damage] }
}

/** Gives a seal to what has none yet, or is another than it was. Where that fails, whoever is offered it next does. */
export async function sealSaved(
  saved: Restorable,
  contents: Contents,
  { mine, restorable }: { readonly mine: readonly Restorable[]; readonly restorable: Restorable },
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
  let seen: { readonly look: Look; readonly now: number } | undefined
  try {
    const ids = layers.map(({ record }) => record.id)
    await normalizeMtimes(store, root, ids.flatMap(placesOf(store.layout).ofLayer))
    seen = await lookAtNew(ids, place)
    for (const [id, seal] of await sealLayers(ids, bytesOfLayers({ layers }), place)) seals.set(id, seal)
    for (const { record } of images) {
      const seal = await sealImage(record.id, place)
      if (seal !== undefined) seals.set(record.id, seal)
    }
  } catch {
    // A job that is cancelled ends all programs.
  }
  const stamps = new Map(restorable.layers.map(({ record, stamp }) => [record.id, stamp]))
  const withStampOf = (layer: Layer) => {
    const { id } = layer.record
    if (stamps.has(id)) return withStamp(layer, stamps.get(id))
    if (!fresh.has(id)) return layer
    return seen === undefined || !seals.has(id) ? withStamp(layer, undefined) : stamped(layer, seen.look, seen.now)
  }
  return {
    layers: saved.layers.map((one) => withStampOf(withSeal(one, seals))),
    images: saved.images.map((one) => withSeal(one, seals)),
  }
}

/** A look at what this run has made, so that the next one need not read it. */
async function lookAtNew(ids: readonly string[], place: Place): Promise<{ readonly look: Look; readonly now: number }> {
  if (ids.length > 0) await settle()
  const now = Date.now()
  return { look: await lookAtLayers(ids, now, place), now }
}

/** Names and what Buildah learns of a layer are in the records alone. */
function isSame(one: ImageRecord, other: ImageRecord | undefined): boolean {
  const files = (record: ImageRecord) => JSON.stringify([record['big-data-digests'], record['big-data-sizes']])
  return other !== undefined && files(one) === files(other)
}
