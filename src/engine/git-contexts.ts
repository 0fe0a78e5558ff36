import { join } from 'node:path'
import type { Context } from '../context.js'
import type { Pair } from '../entries.js'
import { execute } from '../exec.js'
import { withGitToken } from '../git-token.js'
import type { Inputs } from '../inputs.js'
import { fetchGitContext, parseGitContext } from '../source.js'
import type { Folder } from './storage.js'

const INPUT = 'build-contexts'

/** Where they are fetched to. */
export function gitContextsFolder({ path }: Pick<Folder, 'path'>): string {
  return join(path, 'contexts')
}

/**
 * Fetches what Git URLs of the input `build-contexts` name, as the account and before the build, which sees nothing that
 * a private repository is fetched with.
 * @returns all build contexts, a folder in the place of each Git URL
 */
export async function fetchGitContexts(
  { buildContexts, githubToken }: Pick<Inputs, 'buildContexts' | 'githubToken'>,
  folder: Folder,
  { server }: Pick<Context, 'server'>,
): Promise<Pair[]> {
  const { env, account } = folder
  const { prefix } = account
  return await Promise.all(
    buildContexts.map(async ({ name, value }, index) => {
      const git = parseGitContext(value, INPUT)
      if (git === undefined) return { name, value }
      const into = join(gitContextsFolder(folder), String(index))
      await execute([...prefix, 'mkdir', '--', into], { env, cwd: '/' })
      const own = withGitToken(env, git.url, { token: githubToken, server })
      return { name, value: await fetchGitContext(git, into, { prefix, env: own, input: INPUT }) }
    }),
  )
}
