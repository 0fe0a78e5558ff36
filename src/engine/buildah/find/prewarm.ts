import { join } from 'node:path'
import { attempt } from '../../../exec.js'
import { storageArgs, type WorkDir } from '../../work-dir.js'
import type { FoundBuildah } from '../configure.js'
import { commandOf } from './install.js'

/** Opens an empty storage with the run root of the build, in which Buildah stores the results of its probes. */
export async function prewarm(folder: WorkDir, { buildah, mode }: FoundBuildah): Promise<void> {
  const storage = storageArgs(folder.path, join(folder.path, 'tried'), mode.driver, mode.fuseOverlayfs)
  await attempt([...folder.buildUser.prefix, ...commandOf(buildah), ...storage, 'images', '--quiet'], {
    env: folder.env,
    cwd: '/',
  })
}
