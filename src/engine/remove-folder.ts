import { chmod, lstat, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import { attempt, type Env, findProgram } from '../exec.js'
import type { State } from '../runner/state.js'
import { parseMountInfo } from '../lib/mount-info.js'
import { foldersBelow, privateEnv, privateRoot, removeSecrets } from './work-dir.js'

/**
 * Removes the private folder with the storage in it. Layers hold files of subordinate users, which only root or the
 * owner of their user namespace can delete; root leaves it to the account as well, and removes no more than the empty
 * folders, so that what the account put into its own is never followed with the rights of root.
 * @throws Error when something of it is left.
 */
export async function removeFolder(
  { folder, unshare, keepStorage }: Pick<State, 'folder' | 'unshare' | 'keepStorage'>,
  env: Env,
): Promise<void> {
  await removeSecrets(folder)
  if (keepStorage) return
  for (const below of await foldersBelow(folder)) await removeOne(below, unshare, env)
  await removeOne(folder, unshare, env)
}

async function removeOne(folder: string, unshare: readonly string[], env: Env): Promise<void> {
  const contents = (await readdir(folder).catch(() => [])).map((name) => join(folder, name))
  if (unshare.length === 0) await unmountBelow(folder, env)
  if (unshare.length > 0 && !(await removeOwn(folder, contents))) {
    const argv = [...unshare, 'rm', '-rf', '--', ...contents]
    // Where this can't be done any more, the plain removal below says what is left.
    // Buildah looks for configuration, and makes ~/.config where it isn't told of a folder: the account may not enter
    // the home of who runs the step, nor write to this folder.
    const own = { PATH: env['PATH'] ?? '', HOME: folder, XDG_CONFIG_HOME: folder, ...privateEnv(folder) }
    await attempt(argv, { env: own, cwd: '/' }).catch(() => undefined)
  }
  const own = process.getuid?.()
  for (const path of contents) {
    const found = await lstat(path).catch(() => undefined)
    if (found?.isDirectory() === true && found.uid !== own) await removeEmptied(path, unshare, env)
    else await removeTree(path)
  }
  await removeTree(folder)
}

/**
 * Removes a folder's contents that need no user namespace, which takes longer to make: without a storage, files of subordinate
 * users are rare. What has one stays as it is, since Buildah needs its own folders to make a namespace.
 * @returns whether nothing is left
 */
async function removeOwn(folder: string, contents: readonly string[]): Promise<boolean> {
  const isEmpty = (await readdir(privateRoot(folder)).catch(() => ['unknown'])).length === 0
  if (contents.length > 0 && (!isEmpty || !(await isAllOwn(folder)))) return false
  await Promise.all(contents.map((path) => rm(path, { recursive: true, force: true }).catch(() => undefined)))
  return (await readdir(folder).catch(() => [])).length === 0
}

/** Whether this user owns a file or folder with all that is below it, and can list it. */
async function isAllOwn(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined || found.uid !== process.getuid?.()) return false
  if (!found.isDirectory()) return true
  const names = await readdir(path).catch(() => undefined)
  for (const name of names ?? []) if (!(await isAllOwn(join(path, name)))) return false
  return names !== undefined
}

/** Also where something is in a folder that its owner may not write to, as layers have them. */
async function removeTree(path: string): Promise<void> {
  const remove = () => rm(path, { recursive: true, force: true, maxRetries: 3 })
  await remove().catch(async (error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    await openFolders(path)
    await remove()
  })
}

async function openFolders(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.isDirectory() !== true) return
  // Files of other users can't be changed; the removal then fails on them.
  await chmod(path, 0o700).catch(() => undefined)
  for (const name of await readdir(path).catch(() => [])) await openFolders(join(path, name))
}

/** Removes a folder of the account: where no namespace could be made, there is nothing in it that the account can't remove. */
async function removeEmptied(path: string, unshare: readonly string[], env: Env): Promise<void> {
  try {
    await rmdir(path)
  } catch (error) {
    const asBuildUser = unshare.at(-1) === 'unshare' ? unshare.slice(0, -2) : unshare
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY' || asBuildUser.length === 0) throw error
    await attempt([...asBuildUser, 'rm', '-rf', '--', path], { env, cwd: '/' })
    await rmdir(path)
  }
}

/** A build of root that failed may leave its layers mounted; without root, they go with the user namespace. */
async function unmountBelow(folder: string, env: Env): Promise<void> {
  const umount = await findProgram('umount', env)
  if (umount === undefined) return
  const points = parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''))
  const below = points.filter(({ path }) => path.startsWith(`${folder}/`)).reverse()
  for (const { path } of below) await attempt([umount, '--lazy', path], { env, cwd: '/' })
}
