import { lchown, lstat, mkdir, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import gte from 'semver/functions/gte.js'
import lt from 'semver/functions/lt.js'
import { mountedSources } from '../../../dockerfile/mounted-sources.js'
import { execute } from '../../../exec.js'
import { isBelow } from '../../../lib/paths.js'
import { info } from '../../../log.js'
import { analysisOf } from '../../../source/analysis.js'
import type { BuildSpec } from '../../engine.js'
import type { User } from '../../build-user.js'
import type { WorkDir } from '../../work-dir.js'
import { copyAs } from '../build/folder-contexts.js'
import type { Shown } from './mounts.js'

/**
 * From this release on Buildah looks at the context through an overlay of its own: it sees nothing that is mounted into the
 * context, and opens for writing only what belongs to its account, with the folders that it is in.
 */
const OVERLAY_ON_CONTEXT_SINCE = '1.45.0'
/** From this release on Buildah opens a file for writing to mount it. */
const OPENS_FOR_WRITING_SINCE = '1.39.0'

/** A file that is mounted by itself. */
interface MountedFile {
  /** Absolute, without links. */
  readonly path: string
  /** Whether it has other names: they are hard links in the image, too, and a copy of it alone wouldn't be one. */
  readonly hasNames: boolean
}

/**
 * Copies of the files of the context that `RUN --mount=type=bind` names one by one, in their places. Buildah (1.39 and later)
 * opens such a file for writing to mount it, which the context, shown read-only, refuses. Or, where that doesn't help, a copy
 * of the context that is all the account's.
 */
export async function copyMountedFiles(
  { inputs, source }: Pick<BuildSpec, 'inputs' | 'source'>,
  workDir: WorkDir,
  version: string,
): Promise<Shown[]> {
  const { path: folder, buildUser, env } = workDir
  const { context } = source
  const files = await mountedFiles(mountedSources(analysisOf(inputs, source.dockerfile, env)), context)
  const paths = files.map(({ path }) => path)
  if (files.length === 0) return []
  const place = join(folder, 'mounts')
  await mkdir(place, { mode: 0o711, recursive: true })
  const hasOverlay = gte(version, OVERLAY_ON_CONTEXT_SINCE)
  const hasNames = !lt(version, OPENS_FOR_WRITING_SINCE) && files.some((file) => file.hasNames)
  if (hasOverlay ? await belongsToOthers(paths, context, buildUser) : hasNames) {
    const whole = await ownContext(context, place, workDir)
    // Through an overlay nothing is written to it.
    if (whole !== undefined) return [{ ...whole, writable: !hasOverlay }]
  }
  const single = files.filter((file) => !file.hasNames)
  const copies = single.map(({ path }, index) => ({ path, from: join(place, String(index)), writable: true }))
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

/** Those that are plain files, each once. What else may be named, only Buildah can tell. */
async function mountedFiles(sources: readonly string[], context: string): Promise<MountedFile[]> {
  const found = await Promise.all(sources.map((source) => plainFile(join(context, source), context)))
  const files = found.filter((file) => file !== undefined)
  return [...new Map(files.map((file) => [file.path, file])).values()]
}

async function plainFile(named: string, context: string): Promise<MountedFile | undefined> {
  // Buildah follows links as far as they stay in the context.
  const path = await realpath(named).catch(() => undefined)
  if (path === undefined || !isBelow(path, context)) return undefined
  const found = await lstat(path)
  return found.isFile() ? { path, hasNames: found.nlink > 1 } : undefined
}
