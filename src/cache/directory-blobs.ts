import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Blobs } from '../store.js'
import { dropUnused, holdsSteps, isWhole, sizeOfBlobs } from './blob-folder.js'
import { formatBlobIndex, parseBlobIndex, secondsOf, tooMuch } from './blob-index.js'
import { NOTHING_RESTORED, NOTHING_SAVED, type Run, type Saved, type Warm } from './cache.js'
import type { Lock } from './lock.js'
import type { DirectoryOptions } from './options.js'
import { troubleOf } from './trouble.js'

/**
 * A folder of steps that stays on the machine: the engine takes from it and adds to it where it lies.
 * @param lock of the folder
 * @throws Error when it can't be used
 */
export async function openDirectoryBlobs(
  folder: string,
  { layout }: Blobs,
  lock: Lock,
  options: DirectoryOptions,
): Promise<Warm> {
  const started = Date.now()
  const { limits, read } = options
  const root = join(folder, 'root')
  const notes = join(folder, 'index.json')
  const index = await readFile(notes, 'utf8')
    .then(parseBlobIndex)
    .catch(() => undefined)
  const isUsable = index !== undefined && index.used >= limits.now - limits.ttlMs && (await isWhole(root, layout))
  // What a job has left that was killed is not what an index says, and what is too old is not wanted.
  if (!isUsable) await rm(root, { recursive: true, force: true })
  await mkdir(root, { recursive: true, mode: 0o700 })
  const seconds = new Map(isUsable && read ? index.seconds : [])
  return {
    root,
    restored: {
      ...NOTHING_RESTORED,
      ...{ images: seconds.size, seconds: (Date.now() - started) / 1000, stepSeconds: seconds },
    },
    renewedBases: () => Promise.resolve([]),
    keep: (run) =>
      keepAll(run, { root, notes, layout, lock, seconds }, options).catch((error: unknown) => ({
        ...NOTHING_SAVED,
        troubles: [troubleOf(error)],
      })),
  }
}

interface Place {
  readonly root: string
  readonly notes: string
  readonly layout: Blobs['layout']
  readonly lock: Lock
  readonly seconds: ReadonlyMap<string, number>
}

async function keepAll({ failed, steps }: Run, place: Place, { write, limits }: DirectoryOptions): Promise<Saved> {
  const { root, notes, layout } = place
  if (!write || failed || !holdsSteps(root, layout) || !(await place.lock.isHeld())) return NOTHING_SAVED
  const started = Date.now()
  await dropUnused(root, layout)
  const much = tooMuch(await sizeOfBlobs(root), limits.maxBytes)
  if (much !== undefined) {
    await rm(root, { recursive: true, force: true })
    return { ...NOTHING_SAVED, troubles: [much] }
  }
  const seconds = secondsOf(steps, place.seconds)
  await writeFile(`${notes}.new`, formatBlobIndex({ layout, files: [], parts: [], seconds, used: limits.now }), {
    mode: 0o600,
  })
  await rename(`${notes}.new`, notes)
  return { ...NOTHING_SAVED, seconds: (Date.now() - started) / 1000 }
}
