import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { noteKey, notePath, notePrefix } from './key.js'
import type { DirectoryOptions, RemoteOptions } from './options.js'

/** A short text that the runs of a scope leave for those after them. */
export interface Note {
  /** The newest that this run may see; undefined where there is none, or where there was trouble. Never rejects. */
  read(): Promise<string | undefined>
  /** Leaves another one. @returns whether it was taken. Never rejects. */
  write(text: string): Promise<boolean>
}

/** Nothing is left, and nothing is taken. */
export const NO_NOTE: Note = { read: () => Promise.resolve(undefined), write: () => Promise.resolve(false) }

const PATIENCE_MS = 5000
const MAX_BYTES = 2 ** 20

/** A note that lies with a service, which gives the one of this branch before that of the default branch. */
export function remoteNote({ entries, desk, scope, unique, read, write }: RemoteOptions): Note {
  const path = notePath()
  const file = join(desk, path)
  return {
    async read() {
      if (!read || (await entries.fetch(notePrefix(scope), path, PATIENCE_MS)) === undefined) return undefined
      return await textOf(file)
    },
    async write(text) {
      if (!write) return false
      try {
        // What came from the service lies there, and may be a link.
        await rm(file, { recursive: true, force: true })
        await writeFile(file, text, { mode: 0o600, flag: 'wx' })
        return (await entries.store(noteKey(scope, unique), path, PATIENCE_MS)) === 'stored'
      } catch {
        return false
      }
    },
  }
}

/** A note in a folder that stays. Jobs that leave one at the same time leave that of the last. */
export function directoryNote({ directory, scope, read, write }: DirectoryOptions): Note {
  const file = join(directory, `${scope}-${notePath()}`)
  return {
    read: async () => (read ? await textOf(file) : undefined),
    async write(text) {
      if (!write) return false
      // Processes of two job containers may have the same number.
      const made = `${file}.${randomUUID()}`
      try {
        await mkdir(directory, { recursive: true, mode: 0o711 })
        await writeFile(made, text, { mode: 0o600, flag: 'wx' })
        await rename(made, file)
        return true
      } catch {
        await rm(made, { force: true }).catch(() => undefined)
        return false
      }
    },
  }
}

async function textOf(file: string): Promise<string | undefined> {
  try {
    const found = await stat(file)
    return !found.isFile() || found.size > MAX_BYTES ? undefined : await readFile(file, 'utf8')
  } catch {
    return undefined
  }
}
