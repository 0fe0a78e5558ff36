import type { Context } from '../../runner/context.js'
import { git } from '../../source/git.js'

/** When a commit was made, as Git in the workspace has it; undefined where it doesn't know the commit. */
export async function commitDateOf(sha: string, context: Context): Promise<Date | undefined> {
  if (!/^[0-9a-f]{40,64}$/.test(sha)) return undefined
  const date = new Date((await git(['log', '-1', '--format=%cI', sha], context))?.trim() ?? '')
  return Number.isNaN(date.getTime()) ? undefined : date
}
