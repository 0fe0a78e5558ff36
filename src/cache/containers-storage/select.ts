import lte from 'semver/functions/lte.js'
import type { Layout } from '../../build-storage.js'
import type { Image, Index, Layer } from './index.js'
import type { ImageRecord, LayerRecord } from './records.js'

/** What of the last runs is offered to a build. */
export interface Restorable {
  readonly images: readonly Image[]
  /** All that the images stand on, parents in front of children. */
  readonly layers: readonly Layer[]
}

export const NOTHING_RESTORABLE: Restorable = { images: [], layers: [] }

/** Keys of steps, each with what was copied up to it, where that is known. */
export type Keys = ReadonlyMap<string, string | undefined>

/** Why an index is of no use here; undefined when it is of use. Pure. */
export function incompatibleReason(index: Index, layout: Layout, version: string): string | undefined {
  if (index.layout !== layout) return `its layers use the layout ${index.layout}, and this build uses ${layout}`
  if (!lte(index.buildah, version)) return `it was written by Buildah ${index.buildah}, which is newer than ${version}`
  return undefined
}

/**
 * Chooses the images whose keys are among those of the build, and the pulled ones, the first index before the others.
 * Where a part has to be fetched for each, there is one image a key: the newest of the first index that has any.
 * Images that stand on a layer nobody has are left out. Pure.
 */
export function selectRestorable(indexes: readonly Index[], keys: Keys, perKey: 'one' | 'all'): Restorable {
  const layers = new Map(indexes.toReversed().flatMap((index) => index.layers.map((layer) => [layer.record.id, layer])))
  const images = new Map<string, Image>()
  const taken = new Set<string>()
  for (const index of indexes) {
    for (const image of newestFirst(index.images)) {
      const { id, names = [] } = image.record
      const claims = image.key === undefined ? names : perKey === 'one' ? [image.key] : []
      const isWanted = image.key === undefined ? names.length > 0 : keys.has(image.key) && mayHit(image, keys)
      if (!isWanted || images.has(id) || claims.some((claim) => taken.has(claim))) continue
      if (chainOf(image.record.layer, layers) === undefined) continue
      images.set(id, image)
      for (const claim of claims) taken.add(claim)
    }
  }
  return closed([...images.values()], layers)
}

/** Whether Buildah could take an image for the step of its key: not where other files were copied. */
function mayHit({ key = '', content }: Image, keys: Keys): boolean {
  const wanted = keys.get(key)
  return content === undefined || wanted === undefined || content === wanted
}

/** What is left of it without what lies in these parts, and without all that stands on it; pure. */
export function withoutParts(restorable: Restorable, lost: ReadonlySet<string>): Restorable {
  return without(restorable, ({ part }) => lost.has(part))
}

/** The same without these layers and images, and without all that stands on them; pure. */
export function withoutIds<T extends Restorable>(restorable: T, lost: ReadonlySet<string>): T {
  return lost.size === 0 ? restorable : { ...restorable, ...without(restorable, ({ record }) => lost.has(record.id)) }
}

function without({ images, layers }: Restorable, isLost: (one: Image | Layer) => boolean): Restorable {
  const left = new Map(layers.filter((layer) => !isLost(layer)).map((layer) => [layer.record.id, layer]))
  return closed(
    images.filter((image) => !isLost(image) && chainOf(image.record.layer, left) !== undefined),
    left,
  )
}

/** What several offers have together, what the first of them say before the others; an image was used when it was last. Pure. */
export function united(all: readonly Restorable[]): Restorable {
  const reversed = all.toReversed()
  const layers = new Map(reversed.flatMap((restorable) => restorable.layers.map((layer) => [layer.record.id, layer])))
  const images = new Map<string, Image>()
  for (const image of reversed.flatMap((restorable) => restorable.images)) {
    const used = Math.max(image.used, images.get(image.record.id)?.used ?? 0)
    images.set(image.record.id, { ...image, used })
  }
  return { images: [...images.values()], layers: [...layers.values()] }
}

/** Ids of all layers and images; pure. */
export function idsOf({ images, layers }: Restorable): Set<string> {
  return new Set([...layers, ...images].map(({ record }) => record.id))
}

/** Seconds that the steps of the images took when they ran, in the order of the images; pure. */
export function secondsByKey({ images }: Restorable): (readonly [key: string, seconds: number])[] {
  return images.flatMap(({ key, seconds }) => (key === undefined ? [] : [[key, seconds] as const]))
}

/** The records alone; pure. */
export function contentsOf({ images, layers }: Restorable): Contents {
  return { layers: layers.map(({ record }) => record), images: images.map(({ record }) => record) }
}

/** The parts that hold an offer; pure. */
export function partsOf({ images, layers }: Restorable): Set<string> {
  return new Set([...layers, ...images].map(({ part }) => part))
}

/** A storage as it is after a build. */
export interface Contents {
  readonly layers: readonly LayerRecord[]
  readonly images: readonly ImageRecord[]
}

/** Bytes of all layers as archives that aren't compressed; pure. */
export function bytesOfLayers({ layers }: Pick<Restorable, 'layers'>): number {
  return layers.reduce((sum, { record }) => sum + Math.max(0, record['diff-size'] ?? 0), 0)
}

/** Images with all the layers that they stand on, and no others. */
export function closed(images: readonly Image[], layers: ReadonlyMap<string, Layer>): Restorable {
  const needed = new Map<string, Layer>()
  for (const { record } of images) {
    for (const layer of chainOf(record.layer, layers) ?? []) needed.set(layer.record.id, layer)
  }
  return { images, layers: [...needed.values()] }
}

/** A layer with all below it, the lowest first; undefined when one is missing, or they go in a circle. */
export function chainOf(top: string | undefined, layers: ReadonlyMap<string, Layer>): Layer[] | undefined {
  const chain = new Set<Layer>()
  for (let id = top; id !== undefined;) {
    const layer = layers.get(id)
    if (layer === undefined || chain.has(layer)) return undefined
    chain.add(layer)
    id = layer.record.parent
  }
  return [...chain].reverse()
}

/** Of two images of one step, the one that was used last comes first; a run writes them in the order of its steps. */
export function newestFirst(images: readonly Image[]): Image[] {
  return [...images].sort((one, other) => other.used - one.used)
}
