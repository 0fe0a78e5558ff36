import type { Part } from '../backends/parts.js'
import type { Archive, SaveJob, SavePlan } from '../snapshot.js'
import { readBlobInfoCache } from './blob-info-cache.js'
import type { Index } from './index.js'
import { readContents } from './layout.js'
import { dropUnkept, isSentAhead, partAhead } from './pack-ahead.js'
import { levelLayers, type Packer, packGroup, packMountsOf } from './pack.js'
import {
  bytesOfGroups,
  bytesOfParts,
  chooseRetention,
  chooseSkeletons,
  groupParts,
  keptParts,
  placeParts,
  placeSkeletons,
  withinLimits,
} from './retention.js'
import { type Contents, type Restorable, withoutIds } from './select.js'
import { packSkeletons } from './skeleton-bundle.js'

/** How many pushes an index remembers. */
const PUSHES = 20
/** How much later than an index says a part must have been fetched to be worth a new one. */
const FETCHED_STEP_MS = 24 * 60 * 60 * 1000

/** Looks at a storage and works out what of it is new. */
export async function planSave(job: SaveJob, indexes: readonly Index[], packer: Packer): Promise<SavePlan<Index>> {
  const { run, root, limits } = job
  const { store } = packer
  const contents = await readContents(root, store.layout)
  const keeping = withoutHollow(
    chooseRetention(contents, { steps: run.steps, ours: run.ours }, indexes, limits.now),
    job.hollow ?? [],
  )
  const groups = groupParts(keeping)
  const bundle: Contents = { layers: job.bundles === true ? chooseSkeletons(keeping, run.imageId) : [], images: [] }
  const hasBundle = bundle.layers.length > 0
  const isNews =
    [...groups, ...bundle.layers].length > 0 ||
    isNewPush(run, indexes) ||
    isAging(keeping, indexes, job) ||
    isFetchedAgain(keeping, indexes, job)
  const once = (bytes: number, ids: readonly string[], pack: () => Promise<Part>): Archive => ({
    ...{ bytes, ids },
    pack: async () => (await partAhead(ids, job.packed, packer.stagingDir)) ?? (await pack()),
  })
  const archives = groups.map((group, number) =>
    once(bytesOfGroups([group]), idsOfGroup(group), () => packGroup(group, `${number}.tar.zst`, root, packer)),
  )
  const mounts: Archive[] = job.mounts ? [{ bytes: 0, pack: () => packMountsOf(packer) }] : []
  const bundles = hasBundle ? [once(0, idsOfBundle(bundle), () => packSkeletons(bundle.layers, root, packer))] : []
  const isSent = (ids: readonly string[]) => isSentAhead(ids, job.packed)
  const unsent = groups.filter((group) => !isSent(idsOfGroup(group)))
  await dropUnkept(
    [...archives, ...bundles].flatMap(({ ids = [] }) => [ids]),
    job.packed,
    packer.stagingDir,
  )
  return {
    isDue: isNews || job.mounts,
    bytes: job.mounts ? Infinity : bytesOfGroups([...unsent, ...(isSent(idsOfBundle(bundle)) ? [] : [bundle])]),
    prepare: () => levelLayers(unsent, root, store),
    archives: [...archives, ...mounts, ...bundles],
    known: new Set(indexes.flatMap((index) => index.mounts ?? [])),
    sent: new Set(job.packed.flatMap(({ part, isSent }) => (isSent === true ? [part.sha256] : []))),
    async index(parts) {
      const made = groups.flatMap((group, number) => {
        const part = parts[number]
        return part === undefined ? [] : [{ group, part }]
      })
      const newMounts = job.mounts ? parts[groups.length] : undefined
      const newBundle = hasBundle ? parts.at(-1) : undefined
      if (!isNews && (newMounts === undefined || newMounts.sha256 === indexes[0]?.mounts)) return undefined
      const bundled = newBundle && { group: bundle, part: newBundle }
      const left = withParts(job, indexes, placeSkeletons(placeParts(keeping, made), bundled), {
        made: [...made.map(({ part }) => part), ...(newBundle === undefined ? [] : [newBundle])],
        mounts: newMounts,
      })
      return { buildah: store.version, layout: store.layout, ...left, memory: await readBlobInfoCache(store) }
    },
  }
}

function idsOfGroup({ layers, images }: Contents): string[] {
  return [...layers, ...images].map(({ id }) => id)
}

/** A layer is a group of its own, too. */
function idsOfBundle({ layers }: Contents): string[] {
  return layers.map(({ id }) => `skeleton of ${id}`)
}

/** What of it stays within the limits, with the parts that hold it. */
function withParts(
  { run, limits, fetched = [] }: SaveJob,
  indexes: readonly Index[],
  keeping: Restorable,
  { made, mounts }: { readonly made: readonly Part[]; readonly mounts: Part | undefined },
): Pick<Index, 'layers' | 'images' | 'parts' | 'mounts' | 'pushed'> {
  const isFresh = new Set([...fetched, ...made.map(({ sha256 }) => sha256)])
  const known = [...indexes.toReversed().flatMap((index) => index.parts), ...made].map((part) =>
    isFresh.has(part.sha256) ? { ...part, fetched: limits.now } : part,
  )
  const sizes = (some: Restorable) => bytesOfParts(some, known) + (mounts?.bytes ?? 0)
  const { layers, images } = withinLimits(keeping, sizes, limits)
  const latestMounts = mounts?.sha256 ?? indexes[0]?.mounts
  const used = new Set([...keptParts({ layers, images }), latestMounts])
  const parts = new Map([...known, ...(mounts === undefined ? [] : [mounts])].map((part) => [part.sha256, part]))
  const pushes = [...(run.pushed === undefined ? [] : [run.pushed]), ...indexes.flatMap(({ pushed }) => pushed)]
  return {
    ...{ layers, images },
    parts: [...parts.values()].filter(({ sha256 }) => used.has(sha256)),
    mounts: latestMounts,
    pushed: [...new Set(pushes)].slice(0, PUSHES),
  }
}

/** Buildah has learnt where layers are that it didn't know of. */
function isNewPush({ pushed }: SaveJob['run'], indexes: readonly Index[]): boolean {
  return pushed !== undefined && !indexes.some((index) => index.pushed.includes(pushed))
}

/** What this run used was last said to be used so long ago that it might be dropped before the next run says so. */
function isAging({ images }: Restorable, indexes: readonly Index[], { limits }: SaveJob): boolean {
  const before = new Map(indexes.toReversed().flatMap((index) => index.images.map((one) => [one.record.id, one.used])))
  return images.some(
    ({ record, used }) => used === limits.now && used - (before.get(record.id) ?? used) > limits.ttlMs / 2,
  )
}

/** Parts of layers that may come back as skeletons were fetched whole: a service counts from now how long nobody has. */
function isFetchedAgain({ layers }: Restorable, indexes: readonly Index[], { fetched = [], limits }: SaveJob): boolean {
  const before = new Map(indexes.toReversed().flatMap(({ parts }) => parts.map((part) => [part.sha256, part.fetched])))
  return layers.some(
    ({ part, skeleton }) =>
      skeleton !== undefined && fetched.includes(part) && limits.now - (before.get(part) ?? 0) > FETCHED_STEP_MS,
  )
}

/** Without what has no content here, and no part that has: it must never become one. */
function withoutHollow(keeping: Restorable, hollow: readonly string[]): Restorable {
  const lost = keeping.layers.filter(({ record, part }) => part === '' && hollow.includes(record.id))
  return withoutIds(keeping, new Set(lost.map(({ record }) => record.id)))
}
