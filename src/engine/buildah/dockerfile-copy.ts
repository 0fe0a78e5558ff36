import { join } from 'node:path'
import type { Source } from '../../source/source.js'
import { type WorkDir, writePrivate } from '../work-dir.js'

const NAME = 'Dockerfile'

/** The Dockerfile that Buildah is handed: a copy, where it would read the user's own in another way than it is meant. */
export function dockerfilePath({ file, spelled }: Source, folder: WorkDir): string {
  return spelled === undefined ? file : join(folder.path, NAME)
}

export async function writeDockerfile({ spelled }: Source, folder: WorkDir): Promise<void> {
  if (spelled !== undefined) await writePrivate(folder, NAME, spelled)
}
