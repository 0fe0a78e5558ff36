import { chmod, lchown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from '../context.js'
import { attempt, type Env, findProgram } from '../exec.js'
import type { State } from '../state.js'
import { firstClosedFolder } from './access.js'
import { type Account, accountEnv } from './account.js'

export type Driver = 'overlay' | 'fuse-overlayfs' | 'vfs'

/** The private folder of one step: everything that the build writes lies below it, mode 0700, owned by the account. */
export interface Folder {
  readonly path: string
  readonly account: Account
  /** Environment of Buildah: everything it would keep in the home of the user is kept in the folder. */
  readonly env: Env
}

/** For the mount and the tiny build of the preflight. */
const PROBE_FOLDERS = ['context', 'lower', 'upper', 'work', 'merged'].map((name) => `probe/${name}`)
const PREFIX = 'rootless-image-build-'

/**
 * Makes the private folder in RUNNER_TEMP, or, where the account may not enter that, in /var/tmp.
 * What the user has (storage, auth files, storage.conf) is neither used nor written.
 */
export async function makeFolder(account: Account, context: Context): Promise<Folder> {
  const closed = await firstClosedFolder(context.temp, account)
  const path = await mkdtemp(join(closed === undefined ? context.temp : '/var/tmp', PREFIX))
  for (const name of [
    '',
    'root',
    'run',
    'tmp',
    'user',
    'data',
    'cache',
    'secrets',
    'out',
    'context',
    'auth',
    'sandbox',
    'probe',
    'parts',
    ...PROBE_FOLDERS,
  ]) {
    const folder = join(path, name)
    if (name !== '') await mkdir(folder, { mode: 0o700 })
    await chmod(folder, 0o700)
    await own(folder, account)
  }
  const folder = { path, account, env: folderEnv(path, account, context.env) }
  // Buildah reads the file that CONTAINERS_STORAGE_CONF names before anything else, and fails where there is none.
  await writePrivate(folder, 'storage.conf', storageConf(path, privateRoot(path)))
  return folder
}

/** Writes a file into the private folder that nobody but the account can read, and returns its path. */
export async function writePrivate(folder: Folder, name: string, content: string | Buffer): Promise<string> {
  const path = join(folder.path, name)
  // Anew, never through what lies there: the account, and so a RUN step that got out, could have put a link in its place.
  await rm(path, { force: true })
  await writeFile(path, content, { mode: 0o600, flag: 'wx' })
  await own(path, folder.account)
  return path
}

/** Global arguments of Buildah for the storage in `root`, and what it needs while it runs below this folder. */
export function storageArgs(folder: string, root: string, driver: Driver, fuseOverlayfs?: string): string[] {
  const args = ['--root', root, '--runroot', join(folder, 'run')]
  if (driver !== 'fuse-overlayfs') return [...args, '--storage-driver', driver]
  return [...args, '--storage-driver', 'overlay', '--storage-opt', `overlay.mount_program=${fuseOverlayfs ?? driver}`]
}

/** Where a storage lies that goes with the step. */
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
  await rm(join(folder, 'auth'), { recursive: true, force: true })
  await rm(join(folder, 'docker'), { recursive: true, force: true })
}

/**
 * Removes the private folder with the storage in it. Layers hold files of subordinate users, which only root or the
 * owner of their user namespace can delete; root leaves it to the account as well, so that what the account put into
 * its own folder is never followed with the rights of root.
 * @throws Error when something of it is left.
 */
export async function removeFolder({ folder, unshare, keepStorage }: State, env: Env): Promise<void> {
  await removeSecrets(folder)
  if (keepStorage) return
  const contents = (await readdir(folder).catch(() => [])).map((name) => join(folder, name))
  if (unshare.length === 0) await unmountBelow(folder, env)
  if (unshare.length > 0 && contents.length > 0) {
    const argv = [...unshare, 'rm', '-rf', '--', ...contents]
    // Where this can't be done any more, the plain removal below says what is left.
    await attempt(argv, { env: { ...env, ...privateEnv(folder) }, cwd: '/' }).catch(() => undefined)
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** A build of root that failed may leave its layers mounted; without root, they go with the user namespace. */
async function unmountBelow(folder: string, env: Env): Promise<void> {
  const umount = await findProgram('umount', env)
  const lines = (await readFile('/proc/self/mountinfo', 'utf8').catch(() => '')).split('\n')
  const points = lines.map((line) =>
    (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8))),
  )
  const below = points.filter((point) => point.startsWith(`${folder}/`)).reverse()
  if (umount === undefined) return
  for (const point of below) await attempt([umount, '--lazy', point], { env, cwd: '/' })
}

function folderEnv(path: string, account: Account, env: Env): Env {
  // STORAGE_* and BUILDAH_* would change what the arguments say; another CONTAINERS_STORAGE_CONF replaces the user's. What
  // gets no login by its arguments shall have none.
  const inherited = Object.entries(accountEnv(account, env)).filter(
    ([name]) => !/^(STORAGE_|BUILDAH_|REGISTRY_AUTH_FILE$)/.test(name),
  )
  return { ...Object.fromEntries(inherited), ...privateEnv(path) }
}

/** The file that describes the storage to programs. */
export function storageConfPath(folder: string): string {
  return join(folder, 'storage.conf')
}

/** The variable by which every program of a step with this private folder can be known. */
export function storageVariable(folder: string): string {
  return `CONTAINERS_STORAGE_CONF=${storageConfPath(folder)}`
}

function privateEnv(path: string): Env {
  return {
    CONTAINERS_STORAGE_CONF: storageConfPath(path),
    TMPDIR: join(path, 'tmp'),
    XDG_RUNTIME_DIR: join(path, 'user'),
    XDG_DATA_HOME: join(path, 'data'),
    XDG_CACHE_HOME: join(path, 'cache'),
  }
}

async function own(path: string, account: Account): Promise<void> {
  if (account.prefix.length > 0) await lchown(path, account.uid, account.gid)
}
