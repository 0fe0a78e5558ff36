import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import lt from 'semver/functions/lt.js'
import { type ContainersStorage, executeInStorage } from '../../build-storage.js'
import { roomFor } from '../../lib/disk-space.js'
import { pack, type Tools, unpack } from './archive.js'

/**
 * What `RUN --mount=type=cache` leaves behind: one folder in TMPDIR, with a folder for each mount, whose names differ from
 * release to release. It is carried as a whole.
 */
const NAME = /^buildah-cache(-\d+)?$/
/** Since then the folder's name ends in the number of the user. */
const NUMBERED_SINCE = '1.29.0'

/** Packs what cache mounts have left into `file`. @returns false when there is nothing */
export async function packMounts(tools: Tools, store: ContainersStorage, file: string): Promise<boolean> {
  const folder = join(store.folder, 'tmp')
  const name = (await readdir(folder)).find((entry) => NAME.test(entry))
  if (name === undefined) return false
  await pack(tools, store, { folder: join(folder, name), members: ['.'] }, file)
  return true
}

/** Unpacks what cache mounts had left to where this Buildah looks for it. */
export async function unpackMounts(tools: Tools, store: ContainersStorage, file: string): Promise<void> {
  const folder = join(store.folder, 'tmp', mountsFolder(store))
  await executeInStorage(store, ['mkdir', '-m', '0700', folder])
  await unpack(tools, store, folder, { file, members: ['.'], maxBytes: await roomFor(folder) })
}

/** Name of the folder; pure. */
export function mountsFolder({ version, uid }: Pick<ContainersStorage, 'version' | 'uid'>): string {
  return lt(version, NUMBERED_SINCE) ? 'buildah-cache' : `buildah-cache-${uid}`
}
