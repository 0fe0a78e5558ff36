import { join } from 'node:path'
import type { Source } from '../../../source/source.js'
import { type WorkDir, writePrivate } from '../../work-dir.js'

const NAME = 'Dockerfile'

/** Path of the Dockerfile for Buildah: a rewritten copy if Buildah would misread the original. */
export function dockerfilePath({ file, spelled }: Source, folder: WorkDir): string {
  return spelled === undefined ? file : join(folder.path, NAME)
}

export async function writeDockerfile({ spelled }: Source, folder: WorkDir): Promise<void> {
  if (spelled !== undefined) await writePrivate(folder, NAME, spelled)
}
