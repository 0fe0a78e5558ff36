import { lchown, lstat, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Env, execute } from './exec.js'
import { holdNamespace, type NamespaceMaker } from './lib/held-namespace.js'

/**
 * How layers lie in a storage root and how overlay marks what is gone in them: roots of different layouts can't be mixed.
 * Root and user namespaces differ in the attributes that the kernel takes for these marks.
 */
export type Layout = `${'overlay' | 'fuse-overlayfs' | 'vfs'}-${'root' | 'rootless'}`

/** A storage of containers/storage that an engine builds in, as whoever fills it or takes from it must know it. */
export interface ContainersStorage {
  readonly kind: 'root'
  readonly layout: Layout
  /** Version of the engine, `1.43.2`. */
  readonly version: string
  /** Command line before a program that is to see the files as the owner of their user namespace does. */
  readonly enter: readonly string[]
  /** What makes that namespace for a later process, since what this one enters ends with it; undefined as root. */
  readonly maker?: NamespaceMaker
  readonly env: Env
  /** Private folder of the account that builds, absolute, mode 0700. */
  readonly folder: string
  readonly uid: number
  readonly gid: number
  /** Whether that account is another one than that of this process. */
  readonly foreign: boolean
}

/** A folder of files that an engine takes steps of earlier builds from, and leaves those of this one in. */
export interface OciLayout {
  readonly kind: 'blobs'
  /** An OCI layout with a cache manifest of BuildKit, or what `docker save` has in its archive. */
  readonly layout: 'oci-layout' | 'saved-image'
  /** The engine has its steps in a storage of its own as well, which stays as long as the machine. */
  readonly staysInEngine: boolean
  /** The engine is elsewhere and keeps its steps there, so that only a cache that was asked for is worth its time. */
  readonly isKeptElsewhere?: boolean
  /** Private folder of the step, absolute. */
  readonly folder: string
}

/** Name of a folder for roots of such a storage that stays: it tells apart what can't be mixed. Pure. */
export function folderName({ layout, uid }: Pick<ContainersStorage, 'layout' | 'uid'>): string {
  return `${layout}-${uid}`
}

/** Uses a storage that an earlier process has left. Its programs run in one namespace, where it is made for them. */
export async function withStorageOfEarlier<T, S extends ContainersStorage | OciLayout>(
  storage: S,
  use: (storage: S) => Promise<T>,
): Promise<T> {
  if (storage.kind === 'blobs' || storage.maker === undefined) return await use(storage)
  const { maker, env, folder } = storage
  const held = await holdNamespace(maker, { env, cwd: folder })
  try {
    return await use({ ...storage, enter: held?.enter ?? [...maker.prefix, ...maker.unshare] })
  } finally {
    await held?.close()
  }
}

/** Runs a program as the account that builds, which sees files as the owner of its user namespace does. */
export async function executeInStorage(
  { enter, env, folder }: ContainersStorage,
  argv: readonly string[],
  input?: string,
): Promise<void> {
  // What doesn't read it may have ended before it is written.
  await execute([...enter, ...argv], { env, cwd: folder, ...(input !== undefined && { input }) })
}

/** Moves a file of this process into the folder of the account, and returns its path there. */
export async function giveToBuildUser(
  { folder, foreign, uid, gid }: ContainersStorage,
  path: string,
  name: string,
): Promise<string> {
  const there = join(folder, 'parts', name)
  // Given away where it is: from there on the account could have put another file in its place.
  if (foreign) await lchown(path, uid, gid)
  await move(path, there)
  return there
}

/**
 * Takes a file that the account has made out of its folder.
 * @param path where to
 * @throws Error when it is no plain file
 */
export async function takeFromBuildUser(
  { folder, foreign }: ContainersStorage,
  name: string,
  path: string,
): Promise<void> {
  await takePlain(join(folder, 'parts', name), path)
  if (foreign) await lchown(path, process.getuid?.() ?? 0, process.getgid?.() ?? 0)
}

/**
 * Moves what the account has made to where it can't reach it.
 * @throws Error when it is no plain file; nothing of it is left then
 */
export async function takePlain(from: string, to: string): Promise<void> {
  await move(from, to)
  const found = await lstat(to)
  // One with another name could be somebody else's.
  if (found.isFile() && found.nlink === 1) return
  await rm(to, { recursive: true, force: true })
  throw new Error(`${basename(from)} is no plain file any more; it is not taken from the folder of the build`)
}

/** Never through a link; both folders lie beside each other. */
async function move(from: string, to: string): Promise<void> {
  await rm(to, { force: true })
  await rename(from, to)
}
