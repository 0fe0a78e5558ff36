import type { Reading, StageReading } from '../../dockerfile/reading.js'
import type { Part } from '../backends/parts.js'
import type { BaseDigest, SkeletonTerms } from '../skeletons.js'
import type { Image, Index, Layer } from './index.js'
import { knownBlobs } from './known-blobs.js'
import { manifestDigests } from './records.js'
import { chainOf, type Restorable } from './select.js'

/** Layers that may come back as skeletons, if a registry has what a push would otherwise read of them. */
export interface SkeletonPlan {
  /** Ids. */
  readonly layers: ReadonlySet<string>
  /** Indices of the stages that stand on them: the target and those below it. */
  readonly stages: ReadonlySet<number>
  /** The digests that the blob of each may have. */
  readonly blobs: readonly (readonly string[])[]
  /** Bytes that needn't be fetched. */
  readonly savedBytes: number
}

interface Unplanned {
  /** As a sentence without its full stop. */
  readonly why: string
}

/** For less, it isn't worth asking a registry. */
const MIN_SAVED_BYTES = 4 * 2 ** 20
/**
 * A service drops what nobody has fetched for seven days; nobody says that a look at it counts. Five days are left then, in
 * which nobody need build: a long weekend.
 */
const MAX_UNFETCHED_MS = 2 * 24 * 60 * 60 * 1000

/**
 * Decides which layers nobody will read, so that they may come back without the contents of their files: those of the
 * target's image below the first step that isn't a hit, unless a step reads them that may run, or they are needed
 * elsewhere. What isn't known counts as read. Pure.
 * @param restorable what is offered to the build
 * @param now milliseconds since 1970
 */
export function planSkeletons(
  restorable: Restorable,
  indexes: readonly Index[],
  { reading, bases }: Pick<SkeletonTerms, 'reading' | 'bases'>,
  now: number,
): SkeletonPlan | Unplanned {
  const missing = [...basesOf(reading), ...reading.images].find(
    (name) => pulledImage(restorable, bases.get(name)) === undefined,
  )
  if (missing !== undefined) return { why: `${missing} is new, or has changed` }
  const offer = offerOf(restorable, indexes)
  const standing = standingOf(reading, bases, offer)
  const target = reading.stages.length - 1
  const stages = lineOf(reading, target)
  const isWhole = (index: number) => !stages.has(index) || mayBeRead(reading.stages[index], standing[index], offer)
  const whole = new Set([
    ...reading.stages.flatMap((stage, index) => (isWhole(index) ? layersOf(stage, standing[index], offer) : [])),
    ...[...reading.images].flatMap((name) => chainIds(pulledImage(restorable, bases.get(name))?.record.layer, offer)),
  ])
  const below = chainOf(standing[target]?.top, offer.layers) ?? []
  const unread = below.filter(({ record, skeleton }) => skeleton !== undefined && !whole.has(record.id))
  return confirmed(notFetchedAnyway(unread, restorable), indexes, stages, now)
}

/** What is offered, by what it is asked for. */
interface Offer {
  readonly restorable: Restorable
  readonly layers: ReadonlyMap<string, Layer>
  readonly byKey: ReadonlyMap<string, Image>
  /** Keys of all steps that earlier runs have recorded. */
  readonly recorded: ReadonlySet<string>
}

function offerOf(restorable: Restorable, indexes: readonly Index[]): Offer {
  const recorded = indexes.flatMap(({ images }) => images.flatMap(({ key }) => key ?? []))
  return {
    restorable,
    layers: new Map(restorable.layers.map((layer) => [layer.record.id, layer])),
    byKey: new Map(restorable.images.flatMap((image) => (image.key === undefined ? [] : [[image.key, image]]))),
    recorded: new Set(recorded),
  }
}

/** How far a stage is sure to come with hits alone. */
interface Standing {
  /** Id of the uppermost layer then; undefined if there is none. */
  readonly top: string | undefined
  /** How many steps are hits. */
  readonly hits: number
  readonly isComplete: boolean
}

function standingOf({ stages }: Reading, bases: SkeletonTerms['bases'], offer: Offer): Standing[] {
  const done: Standing[] = []
  for (const { base, steps } of stages) {
    const below = base !== undefined && 'stage' in base ? done[base.stage] : undefined
    const image =
      base !== undefined && 'image' in base ? pulledImage(offer.restorable, bases.get(base.image)) : undefined
    let top = below?.top ?? image?.record.layer
    let hits = 0
    // What isn't all there below has another layer than the one that earlier steps stand on.
    while (below?.isComplete !== false && hits < steps.length) {
      const step = steps[hits]
      const made = step?.key === undefined ? undefined : offer.byKey.get(step.key)
      if (made === undefined || step?.content === undefined || made.content !== step.content) break
      // What it takes from there is in no key: it is the same only if that stage is.
      if (step.sources.some((source) => done[source]?.isComplete !== true)) break
      const { layer } = made.record
      if (layer !== top && (layer === undefined || offer.layers.get(layer)?.record.parent !== top)) break
      top = layer
      hits += 1
    }
    done.push({ top, hits, isComplete: below?.isComplete !== false && hits === steps.length })
  }
  return done
}

/** The stage and those that it stands on. */
function lineOf({ stages }: Reading, target: number): Set<number> {
  const line = new Set<number>()
  for (let index: number | undefined = target; index !== undefined && !line.has(index);) {
    line.add(index)
    const base: StageReading['base'] = stages[index]?.base
    index = base !== undefined && 'stage' in base ? base.stage : undefined
  }
  return line
}

/** Whether a step of a stage, or of another one, may read the layers that it stands on. */
function mayBeRead(stage: StageReading | undefined, standing: Standing | undefined, { recorded }: Offer): boolean {
  if (stage === undefined || standing === undefined || stage.isRead) return true
  // Where the base image adds steps (ONBUILD), none of the stage is recorded.
  const isOfImage = stage.base !== undefined && 'image' in stage.base
  const isAsWritten = stage.steps.some(({ key }) => key !== undefined && recorded.has(key))
  if (isOfImage && !isAsWritten) return true
  return stage.steps.slice(standing.hits).some(({ readsBelow }) => readsBelow)
}

/** Ids of all layers that the images of a stage stand on. */
function layersOf({ steps }: StageReading, standing: Standing | undefined, offer: Offer): string[] {
  const images = steps.flatMap(({ key }) => (key === undefined ? [] : [offer.byKey.get(key)]))
  const tops = [standing?.top, ...images.map((image) => image?.record.layer)]
  return tops.flatMap((top) => chainIds(top, offer))
}

function chainIds(top: string | undefined, { layers }: Pick<Offer, 'layers'>): string[] {
  return (chainOf(top, layers) ?? []).map(({ record }) => record.id)
}

/** Without those whose part is fetched for something else: then they come back whole with it. */
function notFetchedAnyway(unread: readonly Layer[], { layers, images }: Restorable): Layer[] {
  const ids = new Set(unread.map(({ record }) => record.id))
  const others = [...layers, ...images].filter(({ record }) => !ids.has(record.id))
  const fetched = new Set(others.map(({ part }) => part))
  return unread.filter(({ part }) => !fetched.has(part))
}

function confirmed(
  layers: readonly Layer[],
  indexes: readonly Index[],
  stages: ReadonlySet<number>,
  now: number,
): SkeletonPlan | Unplanned {
  const parts = new Map(indexes.toReversed().flatMap((index) => index.parts.map((part) => [part.sha256, part])))
  const of = (names: readonly (string | undefined)[]): Part[] =>
    [...new Set(names)].flatMap((name) => parts.get(name ?? '') ?? [])
  const bytes = (some: readonly Part[]) => some.reduce((sum, part) => sum + part.bytes, 0)
  const whole = of(layers.map(({ part }) => part))
  const savedBytes = bytes(whole) - bytes(of(layers.map(({ skeleton }) => skeleton)))
  if (savedBytes < MIN_SAVED_BYTES) return { why: 'too little would be saved' }
  if (whole.some(({ fetched = 0 }) => now - fetched > MAX_UNFETCHED_MS))
    return { why: 'some of the layers have not been fetched for two days' }
  const memory = knownBlobs(indexes.find((index) => index.memory.length > 0)?.memory ?? [])
  const blobs = layers.map(({ record }) => memory.get(String(record['diff-digest'])) ?? [])
  if (blobs.some((digests) => digests.length === 0)) return { why: 'a layer has never been pushed' }
  return { layers: new Set(layers.map(({ record }) => record.id)), stages, blobs, savedBytes }
}

function basesOf({ stages }: Reading): string[] {
  return stages.flatMap(({ base }) => (base !== undefined && 'image' in base ? [base.image] : []))
}

/** The image that was pulled by this name, if it is still the one that the name means. */
function pulledImage({ images }: Restorable, base: BaseDigest | undefined): Image | undefined {
  if (base === undefined) return undefined
  const { name, digest } = base
  const isIt = ({ record, key }: Image) => key === undefined && record.names?.includes(name) === true
  const found = images.find(isIt)
  return found !== undefined && manifestDigests(found.record).includes(digest) ? found : undefined
}
