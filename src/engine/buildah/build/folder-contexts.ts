import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Pair } from '../../../runner/input-parsers.js'
import { attempt, execute, findProgram } from '../../../exec.js'
import { isPath } from '../../../source/source.js'
import { gitContextsFolder } from './git-contexts.js'
import type { WorkDir } from '../../work-dir.js'

/**
 * Gives the account a copy of each build context in which something belongs to somebody else. Its user namespace has no
 * id for that owner, so that `COPY --from` would give the files to 65534; with a copy they are root's, as with Docker.
 */
export async function ownContexts(contexts: readonly Pair[], folder: WorkDir, workspace: string): Promise<Pair[]> {
  if (folder.buildUser.uid === 0) return [...contexts]
  return await Promise.all(
    contexts.map(async ({ name, value }, index) => {
      const path = resolve(workspace, value)
      if (!isPath(value) || !(await isForeign(path, folder))) return { name, value }
      const copy = join(gitContextsFolder(folder), `own-${index}`)
      await copyAs(folder, path, copy)
      return { name, value: copy }
    }),
  )
}

async function isForeign(path: string, { buildUser, env }: WorkDir): Promise<boolean> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
  const find = isFolder ? await findProgram('find', env) : undefined
  if (find === undefined) return false
  const others = ['(', '!', '-user', String(buildUser.uid), '-o', '!', '-group', String(buildUser.gid), ')']
  const { stdout } = await attempt([...buildUser.prefix, find, path, ...others, '-print', '-quit'], { env, cwd: '/' })
  return stdout !== ''
}

/** Copies a folder as the account, so that all of it becomes the account's. */
export async function copyAs({ buildUser, env }: WorkDir, from: string, to: string): Promise<void> {
  const copy = (...how: string[]) =>
    execute([...buildUser.prefix, 'cp', '-a', ...how, '--', from, to], { env, cwd: '/' })
  // If it preserved the owner, GNU cp would also preserve setuid bits. BusyBox doesn't know the option.
  await copy('--no-preserve=ownership').catch(() => copy())
}
