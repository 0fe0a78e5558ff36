import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { executeInStorage } from '../../build-storage.js'
import { indexPath } from '../key.js'
import type { Index } from './index.js'
import { mountsFolder } from './cache-mounts.js'
import type { Place } from './aside.js'
import { sealFolder } from './seals.js'

/** What cache mounts have left on a machine that stays: a folder for each branch. */

/**
 * Puts what cache mounts have left where this Buildah looks for it: the branch's own, else a copy of what the base or the
 * default branch has.
 * @throws Error when it isn't what was kept
 */
export async function restoreMounts(indexes: readonly Index[], place: Place): Promise<undefined> {
  if (!place.mounts || !place.write) return
  const [own = ''] = place.refs
  for (const [number, ref] of place.refs.entries()) {
    const [from, seal] = [folderOf(indexPath(ref), place), indexes[number]?.mounts]
    if (!(await isThere(from))) continue
    if (seal === undefined || (await sealFolder(from, place)) !== seal) {
      if (ref === own) await dropMounts(indexPath(ref), place)
      throw new Error(`the cache mounts in ${from} don't match their digest; starting with empty ones`)
    }
    const move = ref === own ? ['mv', '-T'] : ['cp', '-a', '-T']
    await executeInStorage(place.store, [...move, '--', from, privateMounts(place)])
    return
  }
}

/** Takes what cache mounts of a branch have left now. @returns its digest, undefined if there is none */
export async function saveMounts(name: string, place: Place): Promise<string | undefined> {
  if (!place.mounts || !(await isThere(privateMounts(place)))) return undefined
  const folder = folderOf(name, place)
  await dropMounts(name, place)
  await executeInStorage(place.store, ['mv', '-T', '--', privateMounts(place), folder])
  return await sealFolder(folder, place)
}

/** Removes what cache mounts of a branch have left. */
export async function dropMounts(name: string, place: Place): Promise<void> {
  if (await isThere(folderOf(name, place)))
    await executeInStorage(place.store, ['rm', '-rf', '--', folderOf(name, place)])
}

function folderOf(name: string, { folder }: Place): string {
  return join(folder, 'mounts', name.replace(/\.json$/, ''))
}

function privateMounts({ store }: Place): string {
  return join(store.folder, 'tmp', mountsFolder(store))
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
