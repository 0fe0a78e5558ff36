import { lchown, lstat, mkdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Dockerfile, stepsOf } from '../../../dockerfile/dockerfile.js'
import { readMounts } from '../../../dockerfile/mounts.js'
import { execute } from '../../../exec.js'
import { isBelow } from '../../../lib/paths.js'
import type { WorkDir } from '../../work-dir.js'
import type { Shown } from './mounts.js'

/**
 * Copies of the files of the context that `RUN --mount=type=bind` names one by one, in their places. Buildah (1.39 and later)
 * opens such a file for writing to mount it, which the context, shown read-only, refuses.
 * @param context absolute path of the context folder, without links
 */
export async function copyMountedFiles(
  dockerfile: Dockerfile,
  context: string,
  { path: folder, buildUser, env }: WorkDir,
): Promise<Shown[]> {
  const files = await mountedFiles(dockerfile, context)
  if (files.length === 0) return []
  const place = join(folder, 'mounts')
  await mkdir(place, { mode: 0o711, recursive: true })
  const copies = files.map((path, index) => ({ path, from: join(place, String(index)), writable: true }))
  for (const { path, from } of copies) {
    // With mode, times and extended attributes: COPY may take the same file.
    await execute(['cp', '-a', '--', path, from], { env, cwd: folder })
    if (buildUser.prefix.length > 0) await lchown(from, buildUser.uid, buildUser.gid)
  }
  return copies
}

/** Those that are plain files, by their absolute paths. What else may be named, only Buildah can tell. */
async function mountedFiles(dockerfile: Dockerfile, context: string): Promise<string[]> {
  const mounts = stepsOf(dockerfile).flatMap(readMounts)
  const named = mounts.filter(
    ({ type = 'bind', from, source, isReadable }) =>
      type === 'bind' && from === undefined && isReadable && !source.includes('$'),
  )
  const paths = [...new Set(named.map(({ source }) => join(context, source)))]
  const isPlain = await Promise.all(paths.map((path) => isPlainFile(path, context)))
  return paths.filter((_, index) => isPlain[index])
}

async function isPlainFile(path: string, context: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  // Names of one file are hard links in the image, too: a copy wouldn't be one.
  if (found?.isFile() !== true || found.nlink > 1 || !isBelow(path, context)) return false
  return (await realpath(dirname(path))) === dirname(path)
}
