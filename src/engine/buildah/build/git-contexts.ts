import { join } from 'node:path'
import type { Context } from '../../../runner/context.js'
import type { Pair } from '../../../runner/input-parsers.js'
import { execute } from '../../../exec.js'
import type { Inputs } from '../../../runner/inputs.js'
import { withGitToken } from '../../../source/git-token.js'
import { parseGitContext } from '../../../source/git-url.js'
import { fetchGitContext } from '../../../source/source.js'
import type { WorkDir } from '../../work-dir.js'

const INPUT = 'build-contexts'

/** The folder that Git contexts are fetched into. */
export function gitContextsFolder({ path }: Pick<WorkDir, 'path'>): string {
  return join(path, 'contexts')
}

/**
 * Fetches what Git URLs of the input `build-contexts` name, as the account and before the build, which sees nothing that
 * a private repository is fetched with.
 * @returns all build contexts, a folder in the place of each Git URL
 */
export async function fetchGitContexts(
  { buildContexts, githubToken }: Pick<Inputs, 'buildContexts' | 'githubToken'>,
  folder: WorkDir,
  { server }: Pick<Context, 'server'>,
): Promise<Pair[]> {
  const { env, buildUser } = folder
  const { prefix } = buildUser
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
