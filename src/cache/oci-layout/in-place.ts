import { constants } from 'node:fs'
import { cp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { OciLayout } from '../../build-storage.js'
import { readIndexes, writeIndex } from '../backends/branch-indexes.js'
import { bytesOf } from '../backends/parts.js'
import { NOTHING_RESTORED, type Run } from '../cache.js'
import { branchFolder } from '../key.js'
import type { DirectoryOptions } from '../options.js'
import type { Arranged } from '../snapshot.js'
import { dropUnused, holdsSteps, isWhole, readBlobs } from './files.js'
import {
  type BlobFile,
  type BlobIndex,
  formatBlobIndex,
  isUsable,
  parseBlobIndex,
  secondsOf,
  tooMuch,
} from './index.js'

/** The folder of one scope, in which each branch has a folder of steps. */
interface Place extends DirectoryOptions {
  readonly folder: string
  readonly layout: OciLayout['layout']
}

/** What branches have left, by the names of their folders. */
type Branches = ReadonlyMap<string, BlobIndex>

/**
 * A folder of steps that stays on the machine: the engine takes from it and adds to it where it lies. A branch that has
 * none yet begins with a copy of what its base or the default branch has.
 * @throws Error when it can't be used
 */
export async function arrangeInPlace(
  options: Omit<Place, 'layout'>,
  layout: OciLayout['layout'],
  empty: (root: string) => Promise<void>,
): Promise<Arranged> {
  const place = { ...options, layout }
  const names = (await readdir(place.folder)).filter((name) => name.startsWith('branch-'))
  const { indexes } = await readIndexes(names, (name) => indexFile(place, name), parseBlobIndex)
  const [name = '', ...others] = place.refs.map(branchFolder)
  const root = rootOf(place, name)
  const found = await firstWhole([name, ...others], indexes, place)
  // What a job has left that was killed is not what an index says, and what is too old is not wanted.
  if (found !== name) await empty(root)
  if (found !== undefined && found !== name)
    await cp(rootOf(place, found), root, { recursive: true, mode: constants.COPYFILE_FICLONE })
  const stepSeconds = new Map(place.read && found !== undefined ? indexes.get(found)?.seconds : [])
  return {
    root,
    restored: { ...NOTHING_RESTORED, images: stepSeconds.size, stepSeconds },
    changedBaseImages: () => Promise.resolve([]),
    clear: found === undefined ? undefined : () => empty(root),
    async save(run) {
      if (run.failed || !holdsSteps(root, layout)) return
      const index = await indexOf(run, root, stepSeconds, place)
      await writeIndex(indexFile(place, name), formatBlobIndex(index))
      const left = names.filter((other) => other !== name).map((other) => [other, indexes.get(other)] as const)
      await removeOld(bytesOf(index.files), left, place)
    },
  }
}

function rootOf({ folder }: Place, name: string): string {
  return join(folder, name, 'root')
}

function indexFile({ folder }: Place, name: string): string {
  return join(folder, name, 'index.json')
}

/** The first of these branches whose steps are what was written down, and not too old. */
async function firstWhole(names: readonly string[], indexes: Branches, place: Place): Promise<string | undefined> {
  for (const name of names) {
    const index = indexes.get(name)
    if (index === undefined || !isUsable(index, place.layout, place.limits)) continue
    const now = await readBlobs(rootOf(place, name)).catch(() => [])
    if (textOf(now) === textOf(index.files) && (await isWhole(rootOf(place, name), place.layout))) return name
  }
  return undefined
}

function textOf(files: readonly BlobFile[]): string {
  return files.map(({ path, sha256, bytes }) => `${path} ${sha256} ${bytes}`).join('\n')
}

/** @throws Error when it is more than may be saved; nothing of it is left then */
async function indexOf(
  { steps }: Run,
  root: string,
  stepSeconds: ReadonlyMap<string, number>,
  { layout, limits }: Place,
): Promise<BlobIndex> {
  await dropUnused(root, layout)
  // A file that holds itself: none of them lies in a part.
  const files = (await readBlobs(root)).map((file) => ({ ...file, part: file.sha256 }))
  const much = tooMuch(bytesOf(files), limits.maxBytes)
  if (much !== undefined) {
    await rm(root, { recursive: true, force: true })
    throw new Error(much)
  }
  return { layout, files, parts: [], seconds: secondsOf(steps, stepSeconds), used: limits.now }
}

/** Removes what other branches have left that is too old, then the least recently used until all of it fits. */
async function removeOld(
  own: number,
  others: readonly (readonly [name: string, index: BlobIndex | undefined])[],
  { folder, limits }: Place,
): Promise<void> {
  let sum = own
  for (const [name, index] of [...others].sort(([, one], [, other]) => (other?.used ?? 0) - (one?.used ?? 0))) {
    sum += bytesOf(index?.files ?? [])
    if (index !== undefined && index.used >= limits.now - limits.ttlMs && sum <= limits.maxBytes) continue
    await rm(join(folder, name), { recursive: true, force: true })
  }
}
