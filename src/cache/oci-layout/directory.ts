import { constants } from 'node:fs'
import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { OciLayout } from '../../build-storage.js'
import { dropUnused, holdsSteps, isWhole, readBlobs, sizeOfBlobs } from './files.js'
import { type BlobFile, type BlobIndex, formatBlobIndex, parseBlobIndex, secondsOf, tooMuch } from './index.js'
import { NOTHING_RESTORED, NOTHING_SAVED, type Run, type Saved, type Warm } from '../cache.js'
import { branchFolder } from '../key.js'
import type { Lock } from '../backends/lock.js'
import type { DirectoryOptions } from '../options.js'
import { putSealed, readSealed } from '../plain-file.js'
import { failureOf } from '../errors.js'

const MAX_INDEX_BYTES = 32 * 2 ** 20

/** What a branch has left: the steps, and what is written down of them. */
interface Left {
  readonly name: string
  readonly index: BlobIndex
}

interface Place {
  readonly folder: string
  /** The folder of this branch in there. */
  readonly name: string
  readonly root: string
  readonly layout: OciLayout['layout']
  readonly lock: Lock
  readonly seconds: ReadonlyMap<string, number>
}

/**
 * A folder of steps that stays on the machine, one for each branch: the engine takes from it and adds to it where it
 * lies. A branch that has none yet begins with a copy of what its base or the default branch has.
 * @param lock of the folder
 * @throws Error when it can't be used
 */
export async function openDirectoryBlobs(
  folder: string,
  { layout }: OciLayout,
  lock: Lock,
  options: DirectoryOptions,
): Promise<Warm> {
  const started = Date.now()
  const { refs, read } = options
  const [name = '', ...others] = refs.map(branchFolder)
  const root = join(folder, name, 'root')
  const found = await firstWhole([name, ...others], folder, layout, options)
  // What a job has left that was killed is not what an index says, and what is too old is not wanted.
  if (found?.name !== name) await rm(root, { recursive: true, force: true })
  await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
  if (found !== undefined && found.name !== name)
    await cp(join(folder, found.name, 'root'), root, { recursive: true, mode: constants.COPYFILE_FICLONE })
  await mkdir(root, { recursive: true, mode: 0o700 })
  const seconds = new Map(read ? found?.index.seconds : [])
  const clear = async () => {
    await rm(root, { recursive: true, force: true })
    await mkdir(root, { recursive: true, mode: 0o700 })
  }
  return {
    root,
    restored: {
      ...NOTHING_RESTORED,
      ...{ images: seconds.size, seconds: (Date.now() - started) / 1000, stepSeconds: seconds },
    },
    changedBaseImages: () => Promise.resolve([]),
    clear: found === undefined ? undefined : clear,
    keep: (run) =>
      keepAll(run, { folder, name, root, layout, lock, seconds }, options).catch((error: unknown) => ({
        ...NOTHING_SAVED,
        failures: [failureOf(error)],
      })),
  }
}

/** The first of these branches whose steps are what was written down, and not too old. */
async function firstWhole(
  names: readonly string[],
  folder: string,
  layout: OciLayout['layout'],
  { limits }: DirectoryOptions,
): Promise<Left | undefined> {
  for (const name of names) {
    const index = await readIndex(folder, name)
    if (index === undefined || index.layout !== layout || index.used < limits.now - limits.ttlMs) continue
    const root = join(folder, name, 'root')
    const now = await readBlobs(root).catch(() => [])
    if (textOf(now) === textOf(index.files) && (await isWhole(root, layout))) return { name, index }
  }
  return undefined
}

function textOf(files: readonly BlobFile[]): string {
  return files.map(({ path, sha256, bytes }) => `${path} ${sha256} ${bytes}`).join('\n')
}

async function readIndex(folder: string, name: string): Promise<BlobIndex | undefined> {
  try {
    const text = await readSealed(join(folder, name, 'index.json'), MAX_INDEX_BYTES)
    return text === undefined ? undefined : parseBlobIndex(text)
  } catch {
    return undefined
  }
}

async function keepAll({ failed, steps }: Run, place: Place, options: DirectoryOptions): Promise<Saved> {
  const { folder, name, root, layout } = place
  const { write, limits } = options
  if (!write || failed || !holdsSteps(root, layout) || !(await place.lock.isHeld())) return NOTHING_SAVED
  const started = Date.now()
  await dropUnused(root, layout)
  const bytes = await sizeOfBlobs(root)
  const much = tooMuch(bytes, limits.maxBytes)
  if (much !== undefined) {
    await rm(root, { recursive: true, force: true })
    return { ...NOTHING_SAVED, failures: [much] }
  }
  // A file that holds itself: none of them lies in a part.
  const files = (await readBlobs(root)).map((file) => ({ ...file, part: file.sha256 }))
  const seconds = secondsOf(steps, place.seconds)
  const index = { layout, files, parts: [], seconds, used: limits.now }
  await putSealed(join(folder, name, 'index.json'), formatBlobIndex(index))
  await removeOld(bytes, place, options)
  return { ...NOTHING_SAVED, seconds: (Date.now() - started) / 1000 }
}

/** Removes what other branches have left that is too old, then the least recently used until all of it fits. */
async function removeOld(own: number, { folder, name }: Place, { limits }: DirectoryOptions): Promise<void> {
  const names = (await readdir(folder)).filter((other) => other.startsWith('branch-') && other !== name)
  const indexes = await Promise.all(
    names.map(async (other) => ({ name: other, index: await readIndex(folder, other) })),
  )
  const newestFirst = indexes.sort((one, other) => (other.index?.used ?? 0) - (one.index?.used ?? 0))
  let sum = own
  for (const { name: other, index } of newestFirst) {
    sum += index?.files.reduce((all, { bytes }) => all + bytes, 0) ?? 0
    if (index !== undefined && index.used >= limits.now - limits.ttlMs && sum <= limits.maxBytes) continue
    await rm(join(folder, other), { recursive: true, force: true })
  }
}
