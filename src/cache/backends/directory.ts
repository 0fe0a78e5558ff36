import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { directoryRecords } from '../build-records.js'
import {
  type Cache,
  emptyStorage,
  NOTHING_SAVED,
  type RestoredStorage,
  restoredOrEmpty,
  savedOrFailure,
} from '../cache.js'
import { folderName, makeFolders } from '../containers-storage/in-place.js'
import type { DirectoryOptions } from '../options.js'
import type { IndexOfParts, Snapshot } from '../snapshot.js'
import { withSnapshot } from '../snapshots.js'
import { type Lock, takeLock } from './lock.js'

/**
 * A folder that stays on the machine, in which the storage itself lies: nothing is packed, and nothing copied. One job at
 * a time has it.
 */
export function openDirectory(options: DirectoryOptions): Cache {
  let lock: Lock | undefined
  const makeFolder = async (name: string) => {
    const folder = join(options.directory, `${options.scope}-${name}`)
    await mkdir(folder, { recursive: true, mode: 0o711 })
    return folder
  }
  return {
    async rootFor(storage) {
      // Docker's depends on what each branch has left.
      if (storage.kind === 'blobs') return undefined
      // Why it can't be made is told where it is needed.
      return await makeFolder(folderName(storage))
        .then((folder) => makeFolders(folder, storage))
        .catch(() => undefined)
    },
    async restore(storage, keys, privateRoot) {
      // The builder of a machine that stays has its steps anyway.
      if (storage.kind === 'blobs' && storage.staysInEngine)
        return { ...emptyStorage(privateRoot), staysInEngine: true }
      return await restoredOrEmpty(privateRoot, () =>
        withSnapshot(storage, keys, async (snapshot) => {
          const folder = await makeFolder(snapshot.folder)
          lock = await takeLock(folder)
          if (lock === undefined) throw new Error(`another job is building in ${folder}; building without the cache`)
          return await restoreIn(folder, snapshot, lock, options)
        }),
      )
    },
    records: directoryRecords(options),
    requests: () => 0,
    async close() {
      await lock?.release()
    },
  }
}

async function restoreIn<Index extends IndexOfParts>(
  folder: string,
  snapshot: Snapshot<Index>,
  lock: Lock,
  options: DirectoryOptions,
): Promise<RestoredStorage> {
  const arranged = await snapshot.arrange({ ...options, folder }).catch(async (error: unknown) => {
    await lock.release()
    throw error
  })
  return {
    ...arranged,
    staysInEngine: false,
    // Nothing is fetched.
    skeletons: () => undefined,
    save: async (run) => {
      // What isn't in an index is removed before the next build.
      if (!options.write) return NOTHING_SAVED
      const started = Date.now()
      return await savedOrFailure(async () => {
        if (!(await lock.isHeld()))
          throw new Error(`another job took over ${folder} during the build; nothing was saved`)
        await arranged.save(run)
        return { ...NOTHING_SAVED, seconds: (Date.now() - started) / 1000 }
      })
    },
  }
}
