import { realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Context } from '../runner/context.js'
import { attempt, findProgram } from '../exec.js'

/** What Git says of the workspace; undefined where it isn't there, or where the workspace is no checkout. */
export async function git(
  args: readonly string[],
  { workspace, env }: Pick<Context, 'workspace' | 'env'>,
): Promise<string | undefined> {
  const program = await findProgram('git', env)
  if (program === undefined) return undefined
  // The checkout may belong to another user than root, and a folder above it may be another repository. Git goes by where
  // a link leads.
  const folder = await realpath(workspace).catch(() => workspace)
  const argv = [program, '-C', folder, '-c', `safe.directory=${folder}`, ...args]
  const own = { GIT_TERMINAL_PROMPT: '0', GIT_CEILING_DIRECTORIES: dirname(folder), GIT_OPTIONAL_LOCKS: '0' }
  const slow = { GIT_HTTP_LOW_SPEED_LIMIT: '1', GIT_HTTP_LOW_SPEED_TIME: '10' }
  const chunks: Buffer[] = []
  const onStdout = (chunk: Buffer) => {
    chunks.push(chunk)
  }
  const { exitCode } = await attempt(argv, { env: { ...env, ...own, ...slow }, onStdout })
  return exitCode === 0 ? Buffer.concat(chunks).toString() : undefined
}
