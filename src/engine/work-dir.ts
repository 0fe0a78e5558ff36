import { chmod, lchown, mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from '../runner/context.js'
import type { Env } from '../exec.js'
import { takePlain } from '../build-storage.js'
import { firstClosedFolder } from './access.js'
import { type BuildUser, buildUserEnv } from './build-user.js'
import { keepForSelf } from './keeper.js'

export type Driver = 'overlay' | 'fuse-overlayfs' | 'vfs'

/**
 * The private folder of one step: everything that the build writes lies below it. Where root builds as another account,
 * the folder itself is root's and the account may only enter it (0710): no path that root follows can be turned
 * elsewhere then, since the account can rename none of the folders in there, which are its own (0700).
 */
export interface WorkDir {
  readonly path: string
  readonly buildUser: BuildUser
  /** Environment of Buildah: everything it would keep in the home of the user is kept in the folder. */
  readonly env: Env
}

/** What the account writes to; the last ones are for the mount of the preflight. */
const OF_ACCOUNT = [
  ...['root', 'run', 'tmp', 'user', 'data', 'cache', 'out', 'context', 'contexts', 'parts', 'auth', 'sandbox', 'probe'],
  ...['probe/lower', 'probe/upper', 'probe/work', 'probe/merged'],
]
/** Private folders of builds for one of several platforms. */
const BELOW = 'platforms'
/** What is written for the account, which may only read it. */
const FOR_ACCOUNT = ['secrets', 'trial', BELOW]
/** For files taken from the account, which can't reach them any more. */
const TAKEN = 'taken'
/** Prefix of the names of all private folders. */
export const PREFIX = 'rootless-image-build-'
/** Where private folders are made if not in RUNNER_TEMP. */
export const OTHER_PLACE = '/var/tmp'

/** Makes the private folder, which is written instead of what the user has: auth files are read, storage not even that. */
export async function makeWorkDir(buildUser: BuildUser, context: Context): Promise<WorkDir> {
  const path = await mkdtemp(join(await placeFor(buildUser, context.temp), PREFIX))
  await keepForSelf(path)
  return await furnish(path, buildUser, context.env)
}

/** The same for one of several builds of a step, in the private folder of the step; it goes with that. */
export async function makeWorkDirBelow({ path: parent, buildUser }: WorkDir, name: string, env: Env): Promise<WorkDir> {
  const path = join(parent, BELOW, name)
  await mkdir(path)
  return await furnish(path, buildUser, env)
}

async function furnish(path: string, buildUser: BuildUser, env: Env): Promise<WorkDir> {
  for (const name of ['', ...OF_ACCOUNT, ...FOR_ACCOUNT, TAKEN]) {
    if (name !== '') await mkdir(join(path, name))
    await chmod(join(path, name), 0o700)
  }
  if (buildUser.prefix.length > 0) await share(path, buildUser)
  const folder = { path, buildUser, env: folderEnv(path, buildUser, env) }
  // Buildah reads the file that CONTAINERS_STORAGE_CONF names before anything else, and fails where there is none.
  await writePrivate(folder, 'storage.conf', storageConf(path, privateRoot(path)))
  return folder
}

/**
 * Where private folders are made: in RUNNER_TEMP, or in /var/tmp if the account may not enter RUNNER_TEMP, or if its path
 * has a character that separates options of mount(8) or Buildah.
 */
async function placeFor(buildUser: BuildUser, temp: string): Promise<string> {
  const isPlain = !/[,:\\"\n]/.test(temp)
  return isPlain && (await firstClosedFolder(temp, buildUser)) === undefined ? temp : OTHER_PLACE
}

/** Lets the account into the folder. Until then it can reach nothing in there. */
async function share(path: string, { uid, gid }: BuildUser): Promise<void> {
  for (const name of OF_ACCOUNT) await lchown(join(path, name), uid, gid)
  for (const name of [...FOR_ACCOUNT, '']) {
    await lchown(join(path, name), 0, gid)
    await chmod(join(path, name), 0o710)
  }
}

/**
 * Writes a file into the private folder, or into a folder right below it, that nobody but the account can read, and
 * returns its path.
 */
export async function writePrivate(
  { path, buildUser }: WorkDir,
  name: string,
  content: string | Buffer,
): Promise<string> {
  const full = join(path, name)
  // Anew, never through what lies there: the account, and so a RUN step that got out, could have put a link in its place.
  const fresh = `${full}.new`
  await rm(fresh, { force: true })
  const file = await open(fresh, 'wx', 0o600)
  try {
    await file.writeFile(content)
    if (buildUser.prefix.length > 0) await file.chown(buildUser.uid, buildUser.gid)
  } finally {
    await file.close()
  }
  // In one go, since a program that runs already may read it.
  await rename(fresh, full)
  return full
}

/**
 * Takes a file that Buildah has written into the folder `out` to where the account can't reach it.
 * @returns its new path
 * @throws Error when it is no plain file
 */
export async function takeFile({ path }: Pick<WorkDir, 'path'>, name: string): Promise<string> {
  const taken = join(path, TAKEN, name)
  await takePlain(join(path, 'out', name), taken)
  return taken
}

/**
 * Replaces the folders of the account that an engine running as root writes to by folders of root: the account could
 * redirect those writes otherwise.
 */
export async function takeBackFromBuildUser({ path, buildUser }: WorkDir): Promise<void> {
  if (buildUser.prefix.length === 0) return
  for (const name of ['out', 'root', 'parts']) {
    await rename(join(path, name), join(path, `${name}-of-account`))
    await mkdir(join(path, name), { mode: 0o700 })
  }
}

/** Global arguments of Buildah for the storage in `root`, and what it needs while it runs below this folder. */
export function storageArgs(folder: string, root: string, driver: Driver, fuseOverlayfs?: string): string[] {
  const args = ['--root', root, '--runroot', join(folder, 'run')]
  if (driver !== 'fuse-overlayfs') return [...args, '--storage-driver', driver]
  return [...args, '--storage-driver', 'overlay', '--storage-opt', `overlay.mount_program=${fuseOverlayfs ?? driver}`]
}

/** Path of a storage that is removed with the work directory. */
export function privateRoot(folder: string): string {
  return join(folder, 'root')
}

/** Text of a storage.conf(5) that describes the same storage, for Buildah and for later steps. */
export function storageConf(folder: string, root: string, driver: Driver = 'overlay', fuseOverlayfs?: string): string {
  const lines = [
    '[storage]',
    `driver = ${JSON.stringify(driver === 'fuse-overlayfs' ? 'overlay' : driver)}`,
    `graphroot = ${JSON.stringify(root)}`,
    // Up to 1.28, Buildah without root goes by this one.
    `rootless_storage_path = ${JSON.stringify(root)}`,
    `runroot = ${JSON.stringify(join(folder, 'run'))}`,
  ]
  if (driver === 'fuse-overlayfs') {
    lines.push('[storage.options.overlay]', `mount_program = ${JSON.stringify(fuseOverlayfs ?? driver)}`)
  }
  return `${lines.join('\n')}\n`
}

/** Removes what must not outlive the build itself: secrets and credentials. The image stays for later steps. */
export async function removeSecrets(folder: string): Promise<void> {
  await rm(join(folder, 'secrets'), { recursive: true, force: true })
  await rm(join(folder, 'auth/auth.json'), { force: true })
  await rm(join(folder, 'docker'), { recursive: true, force: true })
  for (const below of await foldersBelow(folder)) await removeSecrets(below)
}

/** Private folders of the step's builds in that of the step, as `makeWorkDirBelow` has made them. */
export async function foldersBelow(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, BELOW)).catch(() => [])
  return names.map((name) => join(folder, BELOW, name))
}

function folderEnv(path: string, buildUser: BuildUser, env: Env): Env {
  // STORAGE_* and BUILDAH_* would change what the arguments say; another CONTAINERS_STORAGE_CONF replaces the user's. What
  // gets no login by its arguments shall have none.
  const inherited = Object.entries(buildUserEnv(buildUser, env)).filter(
    ([name]) => !/^(STORAGE_|BUILDAH_|REGISTRY_AUTH_FILE$)/.test(name),
  )
  return { ...Object.fromEntries(inherited), ...privateEnv(path) }
}

/** The file that describes the storage to programs. */
export function storageConfPath(folder: string): string {
  return join(folder, 'storage.conf')
}

/** What begins the variable by which every program of a step with this private folder can be known. */
export function storageVariable(folder: string): string {
  return `CONTAINERS_STORAGE_CONF=${folder}/`
}

/** What keeps Buildah's files in the folder. */
export function privateEnv(path: string): Env {
  return {
    CONTAINERS_STORAGE_CONF: storageConfPath(path),
    TMPDIR: join(path, 'tmp'),
    XDG_RUNTIME_DIR: join(path, 'user'),
    XDG_DATA_HOME: join(path, 'data'),
    XDG_CACHE_HOME: join(path, 'cache'),
  }
}

/** The environment of programs; Buildah takes no SOURCE_DATE_EPOCH beside a time that it is told. Pure. */
export function programEnv({ env }: WorkDir, isTimed: boolean): Env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isTimed || name !== 'SOURCE_DATE_EPOCH'))
}
