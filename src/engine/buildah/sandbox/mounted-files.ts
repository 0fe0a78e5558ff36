import { lchown, lstat, mkdir, realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import gte from 'semver/functions/gte.js'
import { type Dockerfile, stepsOf } from '../../../dockerfile/dockerfile.js'
import { readMounts } from '../../../dockerfile/mounts.js'
import { execute } from '../../../exec.js'
import { isBelow } from '../../../lib/paths.js'
import { info } from '../../../log.js'
import type { User } from '../../build-user.js'
import type { WorkDir } from '../../work-dir.js'
import { copyAs } from '../build/folder-contexts.js'
import type { Shown } from './mounts.js'

/**
 * From this release on Buildah looks at the context through an overlay of its own: it sees nothing that is mounted into the
 * context, and opens for writing only what belongs to its account, with the folders that it is in.
 */
const OVERLAY_ON_CONTEXT_SINCE = '1.45.0'

/**
 * Copies of the files of the context that `RUN --mount=type=bind` names one by one, in their places. Buildah (1.39 and later)
 * opens such a file for writing to mount it, which the context, shown read-only, refuses. Or, where that doesn't help, a copy
 * of the context that is all the account's.
 * @param context absolute path of the context folder, without links
 */
export async function copyMountedFiles(
  dockerfile: Dockerfile,
  context: string,
  workDir: WorkDir,
  version: string,
): Promise<Shown[]> {
  const { path: folder, buildUser, env } = workDir
  const files = await mountedFiles(dockerfile, context)
  if (files.length === 0) return []
  const place = join(folder, 'mounts')
  await mkdir(place, { mode: 0o711, recursive: true })
  if (gte(version, OVERLAY_ON_CONTEXT_SINCE) && (await belongsToOthers(files, context, buildUser))) {
    const whole = await ownContext(context, place, workDir)
    if (whole !== undefined) return [whole]
  }
  const copies = files.map((path, index) => ({ path, from: join(place, String(index)), writable: true }))
  for (const { path, from } of copies) {
    // With mode, times and extended attributes: COPY may take the same file.
    await execute(['cp', '-a', '--', path, from], { env, cwd: folder })
    if (buildUser.prefix.length > 0) await lchown(from, buildUser.uid, buildUser.gid)
  }
  return copies
}

async function belongsToOthers(files: readonly string[], context: string, { uid, gid }: User): Promise<boolean> {
  const ways = files.flatMap((file) => {
    const names = relative(context, file).split(sep)
    return names.map((_, index) => join(context, ...names.slice(0, index + 1)))
  })
  const found = await Promise.all([...new Set(ways)].map((path) => lstat(path)))
  return found.some((stats) => stats.uid !== uid || stats.gid !== gid)
}

/** A copy of all of it, which the account has made; undefined where it can't. */
async function ownContext(context: string, place: string, workDir: WorkDir): Promise<Shown | undefined> {
  const { uid, gid } = workDir.buildUser
  const own = join(place, 'own')
  await mkdir(own, { mode: 0o700 })
  await lchown(own, uid, gid)
  const from = join(own, 'context')
  try {
    await copyAs(workDir, context, from)
  } catch {
    // What an ignore file leaves out may be closed to the account.
    return undefined
  }
  info(
    `Sandbox: the build gets a copy of ${context}, which ${workDir.buildUser.name} owns, to mount single files of it`,
  )
  return { path: context, from, writable: false }
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
