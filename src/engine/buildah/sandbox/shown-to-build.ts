import { realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Context } from '../../../runner/context.js'
import { attempt } from '../../../exec.js'
import type { Inputs } from '../../../runner/inputs.js'
import { isBelow } from '../../../lib/paths.js'
import { isPath, type Source } from '../../../source/source.js'
import { dockerfilePath } from '../build/dockerfile-copy.js'
import { ignorePath } from '../build/ignore-file.js'
import { gitContextsFolder } from '../build/git-contexts.js'
import { pathsInArguments } from './extra-arguments.js'
import { copyMountedFiles } from './mounted-files.js'
import { readOnly, type Shown } from './mounts.js'
import type { Tools } from './shown-to-buildah.js'

/** What a build needs to see beside that. Files that Buildah is told to write elsewhere are made. */
export async function shownToBuild(
  inputs: Inputs,
  source: Source,
  context: Context,
  { folder, buildah }: Pick<Tools, 'folder' | 'buildah'>,
): Promise<Shown[]> {
  const { workspace } = context
  const contexts = inputs.buildContexts.filter(({ value }) => isPath(value)).map(({ value }) => value)
  const keys = inputs.ssh.flatMap(({ paths }) => paths)
  const agent = inputs.ssh.length > 0 ? folder.env['SSH_AUTH_SOCK'] : undefined
  const named = pathsInArguments(inputs.extraArgs)
  const made = named.filter(({ isMade }) => isMade).map(({ path }) => path)
  if (made.length > 0)
    await attempt([...folder.buildUser.prefix, 'touch', '--', ...made], { env: folder.env, cwd: folder.path })
  const ignore = ignorePath(source, folder)
  return [
    ...[source.context, dockerfilePath(source, folder), ...(ignore === undefined ? [] : [ignore])].map(readOnly),
    ...[...contexts, ...keys].map((path) => readOnly(resolve(workspace, path))),
    ...(inputs.buildContexts.length > 0 ? [readOnly(gitContextsFolder(folder))] : []),
    ...(agent === undefined ? [] : [readOnly(agent)]),
    ...(inputs.secrets.length + inputs.ssh.length === 0 ? [] : [readOnly(join(folder.path, 'secrets'))]),
    ...named,
    ...(await copyMountedFiles({ inputs, source }, folder, buildah.version)),
  ]
}

/** Places of the runner that lie in what is shown, so that a build can read them. */
export async function exposedBy(shown: readonly Shown[], { temp, home }: Context): Promise<string[]> {
  const folders = await Promise.all(shown.map(({ path }) => realpath(path).catch(() => path)))
  const places = await Promise.all([temp, home].map((path) => realpath(path).catch(() => path)))
  return places.filter((place) => folders.some((folder) => isBelow(place, folder)))
}
