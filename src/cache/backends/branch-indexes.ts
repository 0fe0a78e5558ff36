import { rm } from 'node:fs/promises'
import { describe } from '../../errors.js'
import { putSealed, readSealed } from '../../lib/plain-file.js'

/** The indexes of a folder that stays, one for each branch, by the names that branches have there. */
export interface BranchIndexes<Index> {
  readonly indexes: ReadonlyMap<string, Index>
  /** Why others can't be used, in words that go on behind a name. */
  readonly flaws: ReadonlyMap<string, string>
}

/** An index of a thousand steps has about 2 MiB. */
const MAX_BYTES = 32 * 2 ** 20

/** Reads the indexes of branches. @param fileOf where that of a branch lies, absolute */
export async function readIndexes<Index>(
  names: readonly string[],
  fileOf: (name: string) => string,
  parse: (text: string) => Index,
): Promise<BranchIndexes<Index>> {
  const indexes = new Map<string, Index>()
  const flaws = new Map<string, string>()
  for (const name of names) {
    try {
      const text = await readSealed(fileOf(name), MAX_BYTES)
      if (text !== undefined) indexes.set(name, parse(text))
    } catch (error) {
      flaws.set(name, describe(error))
    }
  }
  return { indexes, flaws }
}

/** Writes the index of a branch in the place of the one before, with its digest behind it. */
export async function writeIndex(path: string, text: string): Promise<void> {
  await putSealed(path, text).catch(async (error: unknown) => {
    // A folder lies in its place.
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw error
    await rm(path, { recursive: true })
    await putSealed(path, text)
  })
}
