import { join } from 'node:path'
import type { Source } from '../source.js'
import { type Folder, writePrivate } from './storage.js'

const NAME = 'Dockerfile'

/** The Dockerfile that Buildah is handed: a copy, where it would read the user's own in another way than it is meant. */
export function dockerfilePath({ file, spelled }: Source, folder: Folder): string {
  return spelled === undefined ? file : join(folder.path, NAME)
}

export async function writeDockerfile({ spelled }: Source, folder: Folder): Promise<void> {
  if (spelled !== undefined) await writePrivate(folder, NAME, spelled)
}
