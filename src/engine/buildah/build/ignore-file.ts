import { join } from 'node:path'
import { quote } from '../../../lib/quote.js'
import { formatIgnoreFile, parseIgnoreFile } from '../../../source/dockerignore.js'
import { warn } from '../../../log.js'
import type { Source } from '../../../source/source.js'
import { findUnseen } from '../../../source/unseen-folders.js'
import { type WorkDir, writePrivate } from '../../work-dir.js'

const NAME = 'ignore'

/**
 * The ignore file that Buildah is handed; undefined where there is none. Which one it would take by itself
 * (`ignoreFileOfDockerfile`), and how it reads it, depends on its version. One that only the account's user namespace can read stays where it is.
 */
export function ignorePath({ ignoreFile }: Source, folder: WorkDir): string | undefined {
  if (ignoreFile === undefined) return undefined
  return ignoreFile.text === undefined ? ignoreFile.path : join(folder.path, NAME)
}

/** Writes it into the private folder, in the form that all versions read alike, with all that Buildah would lose (`ignoreException`). */
export async function writeIgnoreFile(source: Source, folder: WorkDir): Promise<string | undefined> {
  const text = source.ignoreFile?.text
  if (text === undefined) return ignorePath(source, folder)
  const patterns = parseIgnoreFile(text)
  const { patterns: more, lost } = await findUnseen(source.context, patterns)
  if (lost.length > 0)
    warn(
      `Buildah leaves out what the ignore file re-includes (\`!\`) in ${lost.map(quote).join(', ')}. Rename the folder: no line of an ignore file can contain that name literally.`,
    )
  return await writePrivate(folder, NAME, formatIgnoreFile([...patterns, ...more]))
}
