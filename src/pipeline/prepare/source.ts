import { join } from 'node:path'
import type { WorkDir } from '../../engine/work-dir.js'
import { chooseFormat, type DockerOnly, dockerOnlyOf, type Format, needingOci } from '../../engine/image-format.js'
import { info } from '../../log.js'
import type { Context } from '../../runner/context.js'
import type { Inputs } from '../../runner/inputs.js'
import { withGitToken } from '../../source/git-token.js'
import { parseGitContext } from '../../source/git-url.js'
import { fetchGitContext, findSource, type Source } from '../../source/source.js'

/** A Dockerfile with its context, and the format that it is built in. */
export interface FormattedSource {
  readonly source: Source
  readonly format: Format['format']
}

/** Finds what is built on the disk; undefined if it has to be fetched first. @throws UserError for what isn't there */
export async function findLocalSource(inputs: Inputs, { workspace }: Context): Promise<FormattedSource | undefined> {
  return parseGitContext(inputs.context) === undefined ? await find(inputs, workspace) : undefined
}

/** Fetches a Git context into the work directory, and finds what is built in it. */
export async function fetchSource(inputs: Inputs, context: Context, workDir: WorkDir): Promise<FormattedSource> {
  const git = parseGitContext(inputs.context)
  if (git === undefined) return await find(inputs, context.workspace)
  info(`Fetching ${git.url} at ${git.ref}`)
  const env = withGitToken(workDir.env, git.url, { token: inputs.githubToken, server: context.server })
  const into = join(workDir.path, 'context')
  return await find(
    inputs,
    context.workspace,
    await fetchGitContext(git, into, { prefix: workDir.buildUser.prefix, env }),
  )
}

/** Chooses the format by what the user wants and the image has, and says why. @throws UserError as `chooseFormat` */
export function sayFormat(inputs: Inputs, only: DockerOnly | undefined): Format['format'] {
  const { format, reason } = chooseFormat(inputs.format, only, needingOci(inputs))
  if (reason !== undefined) info(`Format: ${reason}`)
  return format
}

async function find(inputs: Inputs, workspace: string, folder?: string): Promise<FormattedSource> {
  const source = await findSource(inputs, workspace, folder)
  return { source, format: sayFormat(inputs, dockerOnlyOf(source.dockerfile)) }
}
