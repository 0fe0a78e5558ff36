import { mkdir, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readIndexes, writeIndex } from '../backends/branch-indexes.js'
import { indexPath } from '../key.js'
import { idsThere, indexFile, type Place } from './aside.js'
import { dropMounts } from './cache-mounts-folder.js'
import { emptyIndex, formatIndex, type Index, parseIndex } from './index.js'
import { idsOf, incompatibleReason, united, withoutIds } from './select.js'

const INDEX_NAME = /^index-[0-9a-f]{12}\.json$/

/** What a folder has, branch by branch. */
export interface Branches {
  /** By the names of their files: what their indexes say and the folder has. */
  readonly all: ReadonlyMap<string, Index>
  /** The own index, that of the base and that of the default branch. */
  readonly mine: readonly Index[]
}

/** What the indexes of all branches say and the folder still has, and which of them this build may use. */
export async function findBranches(place: Place): Promise<{ branches: Branches; failures: string[] }> {
  const { folder, store, refs } = place
  const names = (await readdir(join(folder, 'indexes')).catch(() => [])).filter((name) => INDEX_NAME.test(name))
  const { indexes, flaws } = await readIndexes(names, (name) => indexFile(place, name), parseIndex)
  const all = new Map<string, Index>()
  const there = await idsThere(united([...indexes.values()]), place)
  for (const [name, index] of indexes) {
    const gone = [...idsOf(index)].filter((id) => !there.has(id))
    all.set(name, withoutIds(index, new Set(gone)))
  }
  const failures: string[] = []
  const mine = refs.map((ref) => {
    const name = indexPath(ref)
    const index = all.get(name)
    const why = index === undefined ? undefined : incompatibleReason(index, store.layout, store.version)
    if (why !== undefined) failures.push(`skipping the saved layers: ${why}`)
    const flaw = flaws.get(name)
    if (flaw !== undefined) failures.push(`skipping the index: ${flaw}`)
    return index === undefined || why !== undefined ? emptyIndex(store) : index
  })
  return { branches: { all, mine }, failures: [...new Set(failures)] }
}

/** The same without what was found to be damaged. Pure. */
export function withoutLost({ all, mine }: Branches, lost: ReadonlySet<string>): Branches {
  return {
    all: new Map([...all].map(([name, index]) => [name, withoutIds(index, lost)])),
    mine: mine.map((index) => withoutIds(index, lost)),
  }
}

/** Writes the index of one branch. @param name of the branch, from `indexPath()` */
export async function writeBranch(name: string, index: Index, place: Place): Promise<void> {
  await mkdir(dirname(indexFile(place, name)), { recursive: true, mode: 0o700 })
  await writeIndex(indexFile(place, name), formatIndex(index))
}

/** Removes the indexes of branches of which nothing is left that they have used lately. */
export async function dropUnused(
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
