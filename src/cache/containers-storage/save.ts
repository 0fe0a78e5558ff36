import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContainersStorage, takeFromBuildUser } from '../../build-storage.js'
import { digestFile } from '../../lib/hash.js'
import { renderProgress, withProgress } from '../../lib/progress.js'
import type { RecordedStep } from '../../dockerfile/recorded-steps.js'
import { bytesOf, formatIndex, type Index, type Part, parseIndex } from './index.js'
import { partPath } from '../key.js'
import { placesOf, readContents } from './layout.js'
import { readMemory } from './blob-info-cache.js'
import { packMounts } from './cache-mounts.js'
import { normalizeMtimes, pack } from './archive.js'
import { mapConcurrent } from '../../lib/concurrency.js'
import { partsOf } from './select.js'
import {
  bytesOfGroups,
  bytesOfParts,
  chooseRetention,
  type Group,
  groupParts,
  type Keeping,
  type Limits,
  type Made,
  placeParts,
  withinLimits,
} from './retention.js'
import type { Workplace } from './restore.js'
import { type Author, endOfParts, send, sendIndex } from '../backends/upload.js'
import { failureOf } from '../errors.js'

/** What a run leaves for the next ones; it can be written down and carried out later. */
export interface Order extends Author {
  readonly root: string
  /** What was found before the build, of this ref first, as texts. */
  readonly indexes: readonly string[]
  readonly steps: readonly RecordedStep[]
  /** Names that the image got. */
  readonly ours: readonly string[]
  /** Digest over what was pushed where; undefined where nothing was. */
  readonly pushed: string | undefined
  /** Whether what cache mounts left is kept too. */
  readonly mounts: boolean
  readonly limits: Limits
}

/** What of a storage is new. */
export interface Plan {
  readonly keeping: Keeping
  readonly groups: readonly Group[]
  /** Whether anything has to be written, cache mounts aside. */
  readonly isDue: boolean
}

export interface Kept {
  readonly parts: number
  readonly bytes: number
  /** Whether an index was written. */
  readonly written: boolean
  /** What was not kept, and why; one sentence a cause. */
  readonly failures: readonly string[]
}

/** While one part goes up, another is packed. */
const CONCURRENCY = 3
/** How many pushes an index remembers. */
const PUSHES = 20

/** Looks at the storage and works out what of it is new. */
export async function planRetention(order: Order, { layout }: ContainersStorage): Promise<Plan> {
  const indexes = order.indexes.map(parseIndex)
  const contents = await readContents(order.root, layout)
  const keeping = chooseRetention(contents, order.steps, indexes, order.limits.now, order.ours)
  const groups = groupParts(keeping)
  return { keeping, groups, isDue: groups.length > 0 || isNewPush(order, indexes) || isAging(keeping, indexes, order) }
}

/**
 * Packs what is new, sends it, and writes the index that says where everything is. Never throws for a part: what didn't
 * make it, or not within the time, is left out with all that stands on it.
 */
export async function keep(order: Order, plan: Plan, place: Workplace, deadlineMs: number): Promise<Kept> {
  const end = Date.now() + deadlineMs
  const endOfOthers = endOfParts(end, deadlineMs)
  const indexes = order.indexes.map(parseIndex)
  const made: Made[] = []
  const failures = new Set<string>()
  let lost: string | undefined
  await orFailure(failures, () => levelLayers(plan.groups, order.root, place.store))
  const keptSoFar = (seconds: number) => {
    const [done, total] = [made.map(({ group }) => group), plan.groups].map(bytesOfGroups) as [number, number]
    return renderProgress({ what: 'Cache: keeping, before compression', done, total, seconds })
  }
  await withProgress(keptSoFar, () =>
    mapConcurrent(plan.groups, CONCURRENCY, async (group, number) => {
      const isLate = Date.now() >= endOfOthers
      const part = isLate
        ? undefined
        : await orFailure(failures, () => packGroup(group, `${number}.tar.zst`, order.root, place))
      if (part !== undefined && (await send(part, order, place, endOfOthers))) made.push({ group, part })
      else if (part !== undefined || isLate)
        lost ??= `not everything was taken within ${Math.round(deadlineMs / 1000)} s`
    }),
  )
  const mounts = order.mounts
    ? await orFailure(failures, () => saveMounts(order, indexes, place, endOfOthers))
    : undefined
  const memory = await readMemory(place.store)
  const index = { ...newIndex(order, plan.keeping, indexes, made, mounts, place.store), memory }
  const isChanged = plan.isDue || (mounts !== undefined && mounts.sha256 !== indexes[0]?.mounts)
  const written =
    isChanged && (await orFailure(failures, () => sendIndex(formatIndex(index), order, place, end))) === true
  if (isChanged && !written) lost ??= 'the index was not taken, so that the next run finds an older one'
  // Where the service itself says why, this says nothing new.
  const causes = [...failures, ...place.entries.failures()]
  if (lost !== undefined && causes.length === 0) causes.push(lost)
  const isNewMounts = mounts !== undefined && !indexes.some((index) => index.mounts === mounts.sha256)
  const sent = [...made.map(({ part }) => part), ...(isNewMounts ? [mounts] : [])]
  return { parts: sent.length, bytes: bytesOf(sent), written, failures: causes }
}

async function levelLayers(groups: readonly Group[], root: string, store: ContainersStorage): Promise<void> {
  const { ofLayer } = placesOf(store.layout)
  const layers = groups.flatMap((group) => group.layers)
  await normalizeMtimes(
    store,
    root,
    layers.flatMap(({ id }) => ofLayer(id)),
  )
}

async function packGroup(group: Group, name: string, root: string, place: Workplace): Promise<Part> {
  const places = placesOf(place.store.layout)
  const members = [
    ...group.layers.flatMap(({ id }) => places.ofLayer(id)),
    ...group.images.flatMap(({ id }) => places.ofImage(id)),
  ]
  await pack(place.tools, place.store, root, members, join(place.store.folder, 'parts', name))
  return await take(name, place)
}

/** Takes a packed file over and gives it the name that its content has. */
async function take(name: string, { store, stagingDir }: Workplace): Promise<Part> {
  await takeFromBuildUser(store, name, join(stagingDir, name))
  const part = await digestFile(join(stagingDir, name))
  await rename(join(stagingDir, name), join(stagingDir, partPath(part.sha256)))
  return part
}

async function saveMounts(order: Order, indexes: readonly Index[], place: Workplace, end: number) {
  const name = 'mounts.tar.zst'
  if (!(await packMounts(place.tools, place.store, join(place.store.folder, 'parts', name)))) return undefined
  const part = await take(name, place)
  if (indexes.some((index) => index.mounts === part.sha256)) return part
  return (await send(part, order, place, end)) ? part : undefined
}

function newIndex(
  order: Order,
  keeping: Keeping,
  indexes: readonly Index[],
  made: readonly Made[],
  mounts: Part | undefined,
  { version, layout }: ContainersStorage,
): Omit<Index, 'memory'> {
  const known = [...indexes.flatMap((index) => index.parts), ...made.map(({ part }) => part)]
  const { layers, images } = withinLimits(
    placeParts(keeping, made),
    (some) => bytesOfParts(some, known) + (mounts?.bytes ?? 0),
    order.limits,
  )
  const kept = mounts?.sha256 ?? indexes[0]?.mounts
  const used = new Set([...partsOf({ layers, images }), ...(kept === undefined ? [] : [kept])])
  const parts = new Map([...known, ...(mounts === undefined ? [] : [mounts])].map((part) => [part.sha256, part]))
  const pushes = [...(order.pushed === undefined ? [] : [order.pushed]), ...indexes.flatMap(({ pushed }) => pushed)]
  return {
    ...{ buildah: version, layout, layers, images },
    parts: [...parts.values()].filter(({ sha256 }) => used.has(sha256)),
    mounts: kept,
    pushed: [...new Set(pushes)].slice(0, PUSHES),
  }
}

/** Buildah has learnt where layers are that it didn't know of. */
function isNewPush({ pushed }: Order, indexes: readonly Index[]): boolean {
  return pushed !== undefined && !indexes.some((index) => index.pushed.includes(pushed))
}

/** What this run used was last said to be used so long ago that it might be dropped before the next run says so. */
function isAging({ images }: Keeping, indexes: readonly Index[], { limits }: Order): boolean {
  const before = new Map(indexes.toReversed().flatMap((index) => index.images.map((one) => [one.record.id, one.used])))
  return images.some(
    ({ record, used }) => used === limits.now && used - (before.get(record.id) ?? used) > limits.ttlMs / 2,
  )
}

async function orFailure<T>(failures: Set<string>, work: () => Promise<T>): Promise<T | undefined> {
  return await work().catch((error: unknown) => {
    failures.add(failureOf(error))
    return undefined
  })
}
