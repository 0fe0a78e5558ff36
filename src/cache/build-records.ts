import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { BUILD_RECORD, fetchText, storeText } from './backends/texts.js'
import { buildRecordPath } from './key.js'
import { putSealed, readSealed } from '../lib/plain-file.js'
import type { ArchiveOptions, CacheOptions, DirectoryOptions } from './options.js'

/** A short text that the runs of a scope leave for those after them: what was built. */
export interface BuildRecordStore {
  /**
   * The newest of this branch, else that of the base, else that of the default branch; undefined if there is none, or
   * where it failed. Never rejects.
   */
  read(): Promise<string | undefined>
  /** Leaves another one for this branch. @returns whether it was taken. Never rejects. */
  write(text: string): Promise<boolean>
}

/** Nothing is left, and nothing is taken. */
export const NO_RECORDS: BuildRecordStore = {
  read: () => Promise.resolve(undefined),
  write: () => Promise.resolve(false),
}

/** Those that lie with a service. */
export function archivedRecords(options: ArchiveOptions): BuildRecordStore {
  return recordsOf(options, {
    get: (ref) => fetchText(BUILD_RECORD, ref, options),
    put: (ref, text) => storeText(BUILD_RECORD, text, { ...options, ref }, options),
  })
}

/** Those in a folder that stays. Jobs that leave one at the same time leave that of the last. */
export function directoryRecords(options: DirectoryOptions): BuildRecordStore {
  const { directory, scope } = options
  const fileOf = (ref: string) => join(directory, `${scope}-${buildRecordPath(ref)}`)
  return recordsOf(options, {
    get: (ref) => readSealed(fileOf(ref), BUILD_RECORD.maxBytes),
    async put(ref, text) {
      await mkdir(directory, { recursive: true, mode: 0o711 })
      await putSealed(fileOf(ref), text)
      return true
    },
  })
}

interface Texts {
  readonly get: (ref: string) => Promise<string | undefined>
  readonly put: (ref: string, text: string) => Promise<boolean>
}

function recordsOf({ refs, read, write }: CacheOptions, { get, put }: Texts): BuildRecordStore {
  const [own = ''] = refs
  const getOrNone = (ref: string) => get(ref).catch(() => undefined)
  return {
    read: async () => (read ? (await Promise.all(refs.map(getOrNone))).find((text) => text !== undefined) : undefined),
    write: async (text) => write && (await put(own, text).catch(() => false)),
  }
}
