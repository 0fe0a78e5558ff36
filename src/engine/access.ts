import { stat } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import type { Context } from '../runner/context.js'
import { UserError } from '../errors.js'
import { attempt, findProgram } from '../exec.js'
import { readIgnored } from '../source/ignored-files.js'
import type { Source } from '../source/source.js'
import type { BuildUser, User } from './build-user.js'

/** The first folder on the way to `path`, itself included, that `user` may not enter; undefined when the way is free. */
export async function firstClosedFolder(path: string, user: Pick<User, 'uid' | 'gid'>): Promise<string | undefined> {
  const folders: string[] = []
  for (let folder = path; ; folder = dirname(folder)) {
    folders.unshift(folder)
    if (folder === dirname(folder)) break
  }
  if (user.uid === 0) return undefined
  for (const folder of folders) {
    const { mode, uid, gid } = await stat(folder)
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return folder
  }
  return undefined
}

/**
 * Makes sure that the account can read the Dockerfile and every file of the context that isn't ignored: Buildah would
 * find out in the middle of the build.
 * @throws UserError that names the first file
 */
export async function checkReadable(
  source: Pick<Source, 'context' | 'file'>,
  buildUser: BuildUser,
  context: Context,
): Promise<void> {
  if (buildUser.uid === 0) return
  for (const path of [source.context, dirname(source.file)]) {
    const closed = await firstClosedFolder(path, buildUser)
    if (closed !== undefined) throw unreadable(closed, "can't enter", buildUser)
  }
  const program = await findProgram('find', context.env)
  // BusyBox's find knows no -readable; the build itself will then name the file.
  if (program === undefined) return
  const closed = ['(', '-type', 'd', '!', '-executable', '-o', '!', '-type', 'l', '!', '-readable', ')']
  // In its user namespace Buildah reads whatever belongs to the account, with the modes that it may have.
  const ours = ['(', '-uid', String(buildUser.uid), '-gid', String(buildUser.gid), ')']
  const tests = [...closed, '!', ...ours, '-print0']
  const { stdout } = await attempt([...buildUser.prefix, program, source.file, source.context, ...tests], {
    env: context.env,
    cwd: '/',
  })
  const paths = stdout.split('\0').filter((path) => path.startsWith('/'))
  if (paths.length === 0) return
  const ignores = await readIgnored(source).catch(() => () => false)
  const isNeeded = (path: string) =>
    path === source.file || path === source.context || !ignores(relative(source.context, path))
  const first = paths.find(isNeeded)
  if (first !== undefined) throw unreadable(first, "can't read", buildUser)
}

function unreadable(path: string, what: string, buildUser: BuildUser): UserError {
  return new UserError(
    `The build runs as ${buildUser.name} (uid ${buildUser.uid}), and ${what} ${JSON.stringify(path)}.`,
    `Make it readable in an earlier step (\`chmod --recursive a+rX\`), exclude it in .dockerignore, or build as another user ("rootless-user").`,
  )
}
