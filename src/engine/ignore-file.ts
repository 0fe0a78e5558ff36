import { join } from 'node:path'
import { formatIgnoreFile, parseIgnoreFile } from '../ignore-patterns.js'
import type { Source } from '../source.js'
import { type Folder, writePrivate } from './storage.js'

const NAME = 'ignore'

/**
 * The ignore file that Buildah is handed; undefined where there is none. Which one it would take by itself, and how it
 * reads it, depends on its version. One that only the account's user namespace can read stays where it is.
 */
export function ignorePath({ ignoreFile }: Source, folder: Folder): string | undefined {
  if (ignoreFile === undefined) return undefined
  return ignoreFile.text === undefined ? ignoreFile.path : join(folder.path, NAME)
}

/** Writes it into the private folder, in the form that all versions read alike. */
export async function writeIgnoreFile(source: Source, folder: Folder): Promise<string | undefined> {
  const text = source.ignoreFile?.text
  return text === undefined
    ? ignorePath(source, folder)
    : await writePrivate(folder, NAME, formatIgnoreFile(parseIgnoreFile(text)))
}
