import type { Part } from '../backends/parts.js'
import type { Archive, SaveJob, SavePlan } from '../snapshot.js'
import { readBlobInfoCache } from './blob-info-cache.js'
import type { Index } from './index.js'
import { readContents } from './layout.js'
import { dropUnkept, partAhead } from './pack-ahead.js'
import { levelLayers, type Packer, packGroup, packMountsOf } from './pack.js'
import { bytesOfGroups, bytesOfParts, chooseRetention, groupParts, placeParts, withinLimits } from './retention.js'
import { partsOf, type Restorable } from './select.js'

/** How many pushes an index remembers. */
const PUSHES = 20

/** Looks at a storage and works out what of it is new. */
export async function planSave(job: SaveJob, indexes: readonly Index[], packer: Packer): Promise<SavePlan<Index>> {
  const { run, root, limits } = job
  const { store } = packer
  const contents = await readContents(root, store.layout)
  const keeping = chooseRetention(contents, { steps: run.steps, ours: run.ours }, indexes, limits.now)
  const groups = groupParts(keeping)
  const isNews = groups.length > 0 || isNewPush(run, indexes) || isAging(keeping, indexes, job)
  await dropUnkept(groups, job.packed, packer.stagingDir)
  const archives = groups.map((group, number): Archive => ({
    bytes: bytesOfGroups([group]),
    pack: async () =>
      (await partAhead(group, job.packed, packer.stagingDir)) ??
      (await packGroup(group, `${number}.tar.zst`, root, packer)),
  }))
  const mounts: Archive[] = job.mounts ? [{ bytes: 0, pack: () => packMountsOf(packer) }] : []
  return {
    isDue: isNews || job.mounts,
    bytes: job.mounts ? Infinity : bytesOfGroups(groups),
    prepare: () => levelLayers(groups, root, store),
    archives: [...archives, ...mounts],
    known: new Set(indexes.flatMap((index) => index.mounts ?? [])),
    async index(parts) {
      const made = groups.flatMap((group, number) => {
        const part = parts[number]
        return part === undefined ? [] : [{ group, part }]
      })
      const newMounts = parts[groups.length]
      if (!isNews && (newMounts === undefined || newMounts.sha256 === indexes[0]?.mounts)) return undefined
      const left = withParts(job, indexes, placeParts(keeping, made), {
        made: made.map(({ part }) => part),
        mounts: newMounts,
      })
      return { buildah: store.version, layout: store.layout, ...left, memory: await readBlobInfoCache(store) }
    },
  }
}

/** What of it stays within the limits, with the parts that hold it. */
function withParts(
  { run, limits }: SaveJob,
  indexes: readonly Index[],
  keeping: Restorable,
  { made, mounts }: { readonly made: readonly Part[]; readonly mounts: Part | undefined },
): Pick<Index, 'layers' | 'images' | 'parts' | 'mounts' | 'pushed'> {
  const known = [...indexes.flatMap((index) => index.parts), ...made]
  const sizes = (some: Restorable) => bytesOfParts(some, known) + (mounts?.bytes ?? 0)
  const { layers, images } = withinLimits(keeping, sizes, limits)
  const latestMounts = mounts?.sha256 ?? indexes[0]?.mounts
  const used = new Set([...partsOf({ layers, images }), latestMounts])
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
