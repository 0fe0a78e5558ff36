import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildRecordKey, buildRecordPath, buildRecordPrefix } from './key.js'
import type { DirectoryOptions, RemoteOptions } from './options.js'
import { putSealed, readSealed, textOfPlain } from './plain-file.js'

/** A short text that the runs of a scope leave for those after them. */
export interface BuildRecordStore {
  /**
   * The newest of this branch, else that of the base, else that of the default branch; undefined where there is none, or
   * where it failed. Never rejects.
   */
  read(): Promise<string | undefined>
  /** Leaves another one for this branch. @returns whether it was taken. Never rejects. */
  write(text: string): Promise<boolean>
}

/** Nothing is left, and nothing is taken. */
export const NO_NOTE: BuildRecordStore = { read: () => Promise.resolve(undefined), write: () => Promise.resolve(false) }

const TIMEOUT_MS = 5000
const MAX_BYTES = 2 ** 20

/** A note that lies with a service. */
export function remoteNote({ entries, stagingDir, scope, refs, unique, read, write }: RemoteOptions): BuildRecordStore {
  const [own = ''] = refs
  const readOf = async (ref: string) => {
    const path = buildRecordPath(ref)
    if ((await entries.fetch(buildRecordPrefix(scope, ref), path, TIMEOUT_MS, MAX_BYTES)) === undefined)
      return undefined
    return await textOfPlain(join(stagingDir, path), MAX_BYTES)
  }
  return {
    read: async () => (read ? (await Promise.all(refs.map(readOf))).find((text) => text !== undefined) : undefined),
    async write(text) {
      if (!write) return false
      const [path, file] = [buildRecordPath(own), join(stagingDir, buildRecordPath(own))]
      try {
        // What came from the service lies there, and may be a link.
        await rm(file, { recursive: true, force: true })
        await writeFile(file, text, { mode: 0o600, flag: 'wx' })
        return (await entries.store(buildRecordKey(scope, own, unique), path, TIMEOUT_MS)) === 'stored'
      } catch {
        return false
      }
    },
  }
}

/** A note in a folder that stays. Jobs that leave one at the same time leave that of the last. */
export function directoryNote({ directory, scope, refs, read, write }: DirectoryOptions): BuildRecordStore {
  const [own = ''] = refs
  const fileOf = (ref: string) => join(directory, `${scope}-${buildRecordPath(ref)}`)
  const readOf = async (ref: string) => await readSealed(fileOf(ref), MAX_BYTES).catch(() => undefined)
  return {
    read: async () => (read ? (await Promise.all(refs.map(readOf))).find((text) => text !== undefined) : undefined),
    async write(text) {
      if (!write) return false
      try {
        await mkdir(directory, { recursive: true, mode: 0o711 })
        await putSealed(fileOf(own), text)
        return true
      } catch {
        return false
      }
    },
  }
}
