import { constants } from 'node:fs'
import { copyFile, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { OciLayout } from '../../build-storage.js'
import { digestFile } from '../../lib/hash.js'
import { bytesOf, type Part } from '../backends/parts.js'
import { partPath } from '../key.js'
import type { Archive, SaveJob, SavePlan } from '../snapshot.js'
import { dropUnused, holdsSteps, readBlobs } from './files.js'
import { type BlobFile, type BlobIndex, divide, placed, secondsOf, tooMuch } from './index.js'

const NOTHING_NEW: SavePlan<BlobIndex> = {
  ...{ isDue: false, bytes: 0, archives: [], known: new Set(), sent: new Set() },
  index: () => Promise.resolve(undefined),
}

/**
 * Looks at a folder of steps and works out what of it is new. All of it is saved or nothing: a part of a folder is of no
 * use.
 * @param before what the last run has left
 * @throws Error when it is more than may be saved
 */
export async function planSave(
  { root, run, limits }: SaveJob,
  layout: OciLayout['layout'],
  before: BlobIndex | undefined,
  stagingDir: string,
): Promise<SavePlan<BlobIndex>> {
  // A builder gives out nothing of a build that failed.
  if (run.failed || !holdsSteps(root, layout)) return NOTHING_NEW
  await dropUnused(root, layout)
  const files = placed(await readBlobs(root), before)
  const much = tooMuch(bytesOf(files), limits.maxBytes)
  if (much !== undefined) throw new Error(much)
  const names = (all: readonly BlobFile[]) => all.map(({ path, sha256 }) => `${path} ${sha256}`).join('\n')
  // It might be dropped before the next run says that it is used.
  const isAging = before !== undefined && limits.now - before.used > limits.ttlMs / 2
  const { alone, together } = divide(files)
  const archives = archivesOf(alone, together, root, stagingDir)
  return {
    isDue: before === undefined || names(before.files) !== names(files) || isAging,
    bytes: bytesOf(archives),
    archives,
    known: new Set(before?.parts.map(({ sha256 }) => sha256)),
    sent: new Set(),
    incomplete: 'not all steps were saved; the next run finds older ones',
    index(made) {
      if (made.includes(undefined)) return Promise.resolve(undefined)
      const saved = inParts(files, together, together.length === 0 ? undefined : made.at(-1))
      const seconds = secondsOf(run.steps, new Map(before?.seconds))
      return Promise.resolve({ layout, ...saved, seconds, used: limits.now })
    },
  }
}

/** What has to be sent, each under the name that its content has: large files, and all others behind one another. */
function archivesOf(
  alone: readonly BlobFile[],
  together: readonly BlobFile[],
  root: string,
  stagingDir: string,
): readonly Archive[] {
  const files = new Map(alone.map((file) => [file.sha256, file]))
  const large = [...files.values()].map(({ path, sha256, bytes }): Archive => ({
    bytes,
    async pack() {
      await copyFile(join(root, path), join(stagingDir, partPath(sha256)), constants.COPYFILE_FICLONE)
      return { sha256, bytes }
    },
  }))
  const bundle = { bytes: bytesOf(together), pack: () => makeBundle(together, root, stagingDir) }
  return together.length === 0 ? large : [...large, bundle]
}

async function makeBundle(files: readonly BlobFile[], root: string, stagingDir: string): Promise<Part> {
  const path = join(stagingDir, 'bundle')
  await rm(path, { recursive: true, force: true })
  for (const { path: name } of files)
    await writeFile(path, await readFile(join(root, name)), { flag: 'a', mode: 0o600 })
  const part = await digestFile(path)
  await rename(path, join(stagingDir, partPath(part.sha256)))
  return part
}

/** All files with the parts that hold them now. @param bundle the part that these lie in behind one another */
function inParts(
  files: readonly BlobFile[],
  together: readonly BlobFile[],
  bundle: Part | undefined,
): Pick<BlobIndex, 'files' | 'parts'> {
  const offsets = new Map<string, number>()
  let offset = 0
  for (const { path, bytes } of together) {
    offsets.set(path, offset)
    offset += bytes
  }
  const all = files.map((file) => {
    const at = offsets.get(file.path)
    return at === undefined || bundle === undefined
      ? { ...file, part: file.sha256, offset: 0 }
      : { ...file, part: bundle.sha256, offset: at }
  })
  const whole = all.filter(({ path }) => !offsets.has(path)).map(({ sha256, bytes }) => ({ sha256, bytes }))
  const parts = new Map([...whole, ...(bundle === undefined ? [] : [bundle])].map((part) => [part.sha256, part]))
  return { files: all, parts: [...parts.values()] }
}
