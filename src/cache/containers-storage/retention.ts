import type { RecordedStep } from '../../dockerfile/recorded-steps.js'
import type { Part } from '../backends/parts.js'
import type { Image, Index, Layer } from './index.js'
import { chainOf, closed, type Contents, newestFirst, partsOf, type Restorable, withoutParts } from './select.js'
import type { ImageRecord, LayerRecord } from './records.js'

/** From this size on a layer gets a part of its own, which other scopes can share. */
export const BIG_LAYER = 4 * 2 ** 20
/**
 * With one part each for the rest, for skeletons and for cache mounts, an index and a build record, a scope makes at most
 * twelve uploads after the build; the service allows 200 a minute.
 */
const MAX_BIG_PARTS = 7

/**
 * Works out what to keep of a storage after a build. Names that the build gave are left out: only what was pulled is
 * found by its name. Layers that no part holds yet have the part ''. Pure.
 * @param run its steps, and the names of the image that is built
 * @param indexes of this branch first; what others have and this run used is carried over from them
 */
export function chooseRetention(
  contents: Contents,
  { steps, ours }: { readonly steps: readonly RecordedStep[]; readonly ours: readonly string[] },
  indexes: readonly Index[],
  now: number,
): Restorable {
  const parts = partsById(indexes)
  const skeletons = skeletonsById(indexes)
  const before = new Map(indexes.toReversed().flatMap(({ images }) => images.map((one) => [one.record.id, one])))
  const own = indexes[0]?.images ?? []
  const all = new Map<string, Layer>([
    ...indexes.toReversed().flatMap((index) => index.layers.map((layer) => [layer.record.id, layer] as const)),
    ...contents.layers.map(
      (record) =>
        [record.id, withSkeleton({ record, part: parts.get(record.id) ?? '' }, skeletons.get(record.id))] as const,
    ),
  ])
  const byStep = contents.images.flatMap((record) => {
    const step = steps.findLast(({ image }) => record.id.startsWith(image))
    if (step === undefined) return []
    const seconds = step.hit ? (before.get(record.id)?.seconds ?? 0) : step.seconds
    const { key, content } = step
    return [{ record: nameless(record), part: parts.get(record.id) ?? '', key, content, used: now, seconds }]
  })
  const isStep = new Set(byStep.map(({ record }) => record.id))
  const under = new Set(byStep.flatMap(({ record }) => chainOf(record.layer, all)?.map((layer) => layer.record.id)))
  const pulled = contents.images
    .filter(({ id, names = [] }) => !isStep.has(id) && before.get(id)?.key === undefined && isForeign(names, ours))
    .map((record) => {
      // Whether a COPY --from took something of an image can't be told: it is pulled again now and then.
      const isUsed = record.layer !== undefined && under.has(record.layer)
      const used = isUsed ? now : (before.get(record.id)?.used ?? now)
      return { record, part: parts.get(record.id) ?? '', key: undefined, content: undefined, used, seconds: 0 }
    })
  const present = new Set([...byStep, ...pulled].map(({ record }) => record.id))
  const rest = own.filter(({ record, key }) => !present.has(record.id) && key !== undefined)
  const whole = [...pulled, ...byStep, ...rest].filter(({ record }) => chainOf(record.layer, all) !== undefined)
  return closed(whole, all)
}

/** Divides what no part holds yet: a large layer is a part of its own, everything else goes together. Pure. */
export function groupParts({ images, layers }: Restorable): Contents[] {
  const fresh = layers.filter(({ part }) => part === '').map(({ record }) => record)
  const size = (record: LayerRecord) => record['diff-size'] ?? 0
  const big = fresh
    .filter((record) => size(record) >= BIG_LAYER)
    .sort((one, other) => size(other) - size(one))
    .slice(0, MAX_BIG_PARTS)
  const rest = {
    layers: fresh.filter((record) => !big.includes(record)),
    images: images.filter(({ part }) => part === '').map(({ record }) => record),
  }
  const alone = big.map((record) => ({ layers: [record], images: [] }))
  return rest.layers.length + rest.images.length === 0 ? alone : [...alone, rest]
}

/** Bytes of the layers in them as archives that aren't compressed; pure. */
export function bytesOfGroups(groups: readonly Contents[]): number {
  return groups.flatMap(({ layers }) => layers).reduce((sum, layer) => sum + (layer['diff-size'] ?? 0), 0)
}

/** What a part that was made holds. */
export interface Made {
  readonly group: Contents
  readonly part: Part
}

/** The keeping with each made part in its place; what no part holds then is left out with all that stands on it. Pure. */
export function placeParts({ images, layers }: Restorable, made: readonly Made[]): Restorable {
  const places = new Map(
    made.flatMap(({ group, part }) => [...group.layers, ...group.images].map(({ id }) => [id, part.sha256])),
  )
  const placed = {
    images: images.map((image) => ({ ...image, part: places.get(image.record.id) ?? image.part })),
    layers: layers.map((layer) => ({ ...layer, part: places.get(layer.record.id) ?? layer.part })),
  }
  return withoutParts(placed, new Set(['']))
}

/** Skeletons in more bundles than these are packed into one again: each takes a request. */
const MAX_BUNDLES = 3

/**
 * Layers of an image, those that it stands on among them, whose skeletons are worth packing, since no bundle has them yet.
 * Pure.
 * @param imageId undefined for a build that failed
 */
export function chooseSkeletons({ images, layers }: Restorable, imageId: string | undefined): LayerRecord[] {
  const image = images.find(({ record }) => record.id === imageId)
  const chain = chainOf(image?.record.layer, new Map(layers.map((layer) => [layer.record.id, layer]))) ?? []
  const big = chain.filter(({ record }) => (record['diff-size'] ?? 0) >= BIG_LAYER)
  const without = big.filter(({ skeleton }) => skeleton === undefined)
  const bundles = new Set(big.flatMap(({ skeleton }) => skeleton ?? []))
  const chosen = without.length > 0 && bundles.size >= MAX_BUNDLES ? big : without
  return chosen.map(({ record }) => record)
}

/** The keeping with the bundle in its place that holds the skeletons of these layers; pure. */
export function placeSkeletons(keeping: Restorable, made: Made | undefined): Restorable {
  if (made === undefined) return keeping
  const ids = new Set(made.group.layers.map(({ id }) => id))
  const { sha256 } = made.part
  return {
    ...keeping,
    layers: keeping.layers.map((layer) => withSkeleton(layer, ids.has(layer.record.id) ? sha256 : layer.skeleton)),
  }
}

export interface Limits {
  readonly now: number
  /** Milliseconds since the last use. */
  readonly ttlMs: number
  readonly maxBytes: number
  /** How many images of one step are kept. */
  readonly perKey: number
}

/**
 * Leaves out what hasn't been used for too long, then the least recently used until the rest fits. A pulled image goes
 * with the last one that stands on it. Pure.
 * @param sizes bytes of what is kept
 */
export function withinLimits(keeping: Restorable, sizes: (kept: Restorable) => number, limits: Limits): Restorable {
  const layers = new Map(keeping.layers.map((layer) => [layer.record.id, layer]))
  const oldest = limits.now - limits.ttlMs
  const recent = newestFirst(keeping.images.filter(({ used }) => used >= oldest))
  const images = fewPerKey(recent, limits.perKey)
  const fits = (count: number) => sizes(closed(images.slice(0, count), layers)) <= limits.maxBytes
  let [enough, tooMany] = [0, images.length + 1]
  if (fits(images.length)) enough = images.length
  else {
    while (tooMany - enough > 1) {
      const middle = Math.floor((enough + tooMany) / 2)
      if (fits(middle)) enough = middle
      else tooMany = middle
    }
  }
  return closed(images.slice(0, enough), layers)
}

/** All parts that something is kept in, bundles of skeletons among them; pure. */
export function keptParts(kept: Restorable): Set<string> {
  return new Set([...partsOf(kept), ...kept.layers.flatMap(({ skeleton }) => skeleton ?? [])])
}

/** Bytes of these; pure. */
export function bytesOfParts(kept: Restorable, parts: readonly Part[]): number {
  const sizes = new Map(parts.map(({ sha256, bytes }) => [sha256, bytes]))
  return [...keptParts(kept)].reduce((sum, sha256) => sum + (sizes.get(sha256) ?? 0), 0)
}

/** The first so many of each step; what was pulled is of none. */
function fewPerKey(sorted: readonly Image[], perKey: number): Image[] {
  const counts = new Map<string, number>()
  return sorted.filter(({ key }) => {
    if (key === undefined) return true
    const before = counts.get(key) ?? 0
    counts.set(key, before + 1)
    return before < perKey
  })
}

function skeletonsById(indexes: readonly Index[]): Map<string, string | undefined> {
  const all = indexes.toReversed().flatMap(({ layers }) => layers)
  return new Map(all.map(({ record, skeleton }) => [record.id, skeleton]))
}

function withSkeleton(layer: Layer, skeleton: string | undefined): Layer {
  return skeleton === undefined ? layer : { ...layer, skeleton }
}

function partsById(indexes: readonly Index[]): Map<string, string> {
  const all = indexes.toReversed().flatMap(({ layers, images }) => [...layers, ...images])
  return new Map(all.map(({ record, part }) => [record.id, part]))
}

function nameless(record: ImageRecord): ImageRecord {
  const known = Object.entries(record).filter(([field]) => field !== 'names')
  return { ...Object.fromEntries(known), id: record.id }
}

function isForeign(names: readonly string[], ours: readonly string[]): boolean {
  return names.length > 0 && !names.some((name) => ours.includes(name))
}
