import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe } from '../errors.js'
import { formatIndex, type Index, parseIndex } from './containers-storage/index.js'
import { indexPath } from './key.js'
import { putSealed, readSealed } from './plain-file.js'

/** The indexes of a folder that stays: one a branch, by the names of their files. */
export interface BranchIndexes {
  readonly indexes: ReadonlyMap<string, Index>
  /** Why others can't be used, in words that go on behind a name. */
  readonly flaws: ReadonlyMap<string, string>
}

/** An index of a thousand steps has about 2 MiB. */
const MAX_BYTES = 32 * 2 ** 20
const NAME = /^index-[0-9a-f]{12}\.json$/

/** The file name of a branch's index, and of what else is kept for the branch alone. */
export function branchName(ref: string): string {
  return indexPath(ref)
}

/** Reads all indexes of a folder. */
export async function readIndexes(folder: string): Promise<BranchIndexes> {
  const names = (await readdir(join(folder, 'indexes')).catch(() => [])).filter((name) => NAME.test(name))
  const indexes = new Map<string, Index>()
  const flaws = new Map<string, string>()
  for (const name of names) {
    try {
      const text = await readSealed(join(folder, 'indexes', name), MAX_BYTES)
      if (text !== undefined) indexes.set(name, parseIndex(text))
    } catch (error) {
      flaws.set(name, describe(error))
    }
  }
  return { indexes, flaws }
}

/** Writes the index of a branch in the place of the one before, with its digest behind it. */
export async function writeIndex(folder: string, ref: string, index: Index): Promise<void> {
  await mkdir(join(folder, 'indexes'), { recursive: true, mode: 0o700 })
  const path = join(folder, 'indexes', branchName(ref))
  await putSealed(path, formatIndex(index)).catch(async (error: unknown) => {
    // A folder lies in its place.
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error
    await rm(path, { recursive: true })
    await putSealed(path, formatIndex(index))
  })
}

export async function removeIndex(folder: string, name: string): Promise<void> {
  await rm(join(folder, 'indexes', name), { recursive: true, force: true })
}
