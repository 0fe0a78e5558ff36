import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { findTarget, parseDockerfile, type Dockerfile } from '../dockerfile/dockerfile.js'
import { readAlike } from '../dockerfile/read-alike.js'
import { UserError } from '../errors.js'
import { execute, findProgram, type Env } from '../exec.js'
import { likelyDockerfile } from './found-dockerfiles.js'
import { type GitContext, parseGitContext, plainContext } from './git-url.js'
import { findIgnoreFile, type IgnoreFile } from './ignored-files.js'
import type { Event } from '../runner/event.js'
import type { Inputs } from '../runner/inputs.js'
import { formatSshKeys } from '../runner/ssh-keys.js'
import { isBelow } from '../lib/paths.js'
import { platformArguments } from '../lib/platform.js'

/** What is built: everything that the inputs name on the disk, found and absolute. */
export interface Source {
  /** Absolute path of the context folder. */
  readonly context: string
  /** Absolute path of the Dockerfile: Buildah looks for `<Dockerfile>.dockerignore` beside an absolute path only. */
  readonly file: string
  readonly dockerfile: Dockerfile
  /** The text of the Dockerfile as Buildah must have it; absent where that is its own. */
  readonly spelled?: string
  /** The stage as the Dockerfile spells it. */
  readonly target: string | undefined
  /** Absent where there is none. */
  readonly ignoreFile?: IgnoreFile
}

/**
 * The inputs with every Git context in one form, as what follows knows it.
 * @throws UserError for one that names nothing that can be fetched
 */
export function withGitContexts(inputs: Inputs, { names, ref }: Pick<Event, 'names' | 'ref'>): Inputs {
  const { sha, repository } = names
  // No other commit of a pull request can be fetched by its name.
  const at = ref.startsWith('refs/pull/') ? ref : sha
  const own = repository.url === undefined || at === '' ? undefined : `${repository.url}.git#${at}`
  return {
    ...inputs,
    context: plainContext(inputs.context, own),
    buildContexts: inputs.buildContexts.map(({ name, value }) => ({
      name,
      value: plainContext(value, own, 'build-contexts'),
    })),
  }
}

/**
 * Fetches the one commit that a Git context names into the empty folder `into`, and returns the context folder.
 * @param prefix command line before the programs of the account that the folder belongs to
 */
export async function fetchGitContext(
  git: GitContext,
  into: string,
  {
    prefix,
    env,
    input = 'context',
  }: { readonly prefix: readonly string[]; readonly env: Env; readonly input?: string },
): Promise<string> {
  const program = await findProgram('git', env)
  if (program === undefined)
    throw new UserError(`Input "${input}" has a Git URL, and the program git is missing.`, 'sudo apt-get install git')
  // Without a terminal, a question for a password would wait for ever.
  const options = { env: { ...env, GIT_TERMINAL_PROMPT: '0' }, cwd: into }
  const run = (...args: string[]) => execute([...prefix, program, ...args], options)
  try {
    await run('init', '--quiet')
    // Submodules may be named relative to it.
    await run('remote', 'add', 'origin', git.url)
    await run('fetch', '--quiet', '--depth=1', 'origin', git.ref)
    await run('checkout', '--quiet', 'FETCH_HEAD')
    await run('submodule', '--quiet', 'update', '--init', '--recursive', '--depth=1')
  } catch (error) {
    throw new UserError(
      `Input "${input}": ${git.url} could not be fetched at ${git.ref}.`,
      'Check the URL and the ref. A private repository on the GitHub server of the run needs a token that can read it (`github-token: ${{ secrets.GIT_TOKEN }}`); check out any other with actions/checkout, and write `context: .`.',
      { cause: error },
    )
  }
  // As with Docker, the history isn't part of the context.
  await execute([...prefix, 'rm', '-rf', '--', join(into, '.git')], options)
  const folder = await realpath(join(into, git.folder)).catch(() => undefined)
  if (folder === undefined || !isBelow(folder, await realpath(into))) {
    throw new UserError(
      `Input "${input}": ${git.url} has no folder ${JSON.stringify(git.folder)} at ${git.ref}.`,
      "After the colon comes the path of a folder in the repository; a link that leads out of it isn't accepted.",
    )
  }
  return folder
}

/**
 * Finds the Dockerfile and reads it, and checks all that the inputs name on the disk.
 * @param context the context folder; undefined when the input is a path
 * @throws UserError for the first thing that isn't there: the input, what it got, where it was looked for
 */
export async function findSource(inputs: Inputs, workspace: string, context?: string): Promise<Source> {
  const named = context ?? resolve(workspace, inputs.context)
  // What it links to: the way there is looked at folder by folder later.
  const folder = await realpath(named).catch(() => named)
  if (!(await isFolder(folder))) {
    throw new UserError(
      `Input "context": got ${JSON.stringify(inputs.context)}, but there is no folder ${folder}.`,
      'A path is relative to the workspace. Is actions/checkout missing before this step?',
    )
  }
  const file = await findFile(inputs.file, folder, context === undefined ? workspace : folder)
  await refuseOutside('The Dockerfile', file, folder, workspace)
  const ignoreFile = await findIgnoreFile({ context: folder, file })
  if (ignoreFile !== undefined) await refuseOutside('The ignore file', ignoreFile.path, folder, workspace)
  await checkPaths(inputs, workspace)
  const text = await readDockerfile(file)
  // What a preprocessor makes of it, it alone knows.
  const spelled = file.endsWith('.in') ? undefined : readAlike(text, platformArguments(inputs.platforms))
  const dockerfile = parseDockerfile(spelled ?? text)
  const target = checkTarget(inputs.target, dockerfile, file)
  const own = { ...(spelled !== undefined && { spelled }), ...(ignoreFile !== undefined && { ignoreFile }) }
  return { context: folder, file, dockerfile, target, ...own }
}

async function findFile(file: string | undefined, context: string, base: string): Promise<string> {
  const places =
    file === undefined ? ['Containerfile', 'Dockerfile'].map((name) => join(context, name)) : [resolve(base, file)]
  for (const place of places) if (await isFile(place)) return place
  throw new UserError(
    `${file === undefined ? 'Input "file" is missing, and no Dockerfile was found' : `Input "file": got ${JSON.stringify(file)}, but there is no such file`}. Looked for:\n${places.map((place) => `  ${place}`).join('\n')}`,
    await hintForFile(file, context, base),
  )
}

async function hintForFile(file: string | undefined, context: string, base: string): Promise<string> {
  if ((await readdir(base)).length === 0)
    return 'The workspace is empty: add `- uses: actions/checkout@v7` before this step.'
  if (file !== undefined && (await isFile(resolve(context, file))))
    return `The path is relative to the workspace, not to the context. Write \`file: ${relative(base, resolve(context, file))}\`.`
  const likely = await likelyDockerfile(file, base)
  if (likely !== undefined) return `There is one at ${likely}. Write \`file: ${likely}\`.`
  return 'Write its path: `file: path/of/Dockerfile`, relative to the workspace.'
}

async function readDockerfile(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UserError(
      `The Dockerfile ${file} can't be read by the user who runs the step.`,
      `Make it readable in an earlier step: \`chmod u+r ${file}\`.`,
      { cause: error },
    )
  })
}

/** A file that the checkout has may be a link, but not to a file that only who runs the step can read. */
async function refuseOutside(what: string, file: string, context: string, workspace: string): Promise<void> {
  const [real, ...places] = await Promise.all([file, workspace, context].map((path) => realpath(path)))
  const isOurs = [workspace, context].some((place) => isBelow(file, place))
  if (real === undefined || !isOurs || places.some((place) => isBelow(real, place))) return
  throw new UserError(
    `${what} ${file} is a link to ${real}, which is outside the workspace and the context.`,
    what === 'The Dockerfile' ? 'Copy it there, or name that file itself with "file".' : 'Copy it there.',
  )
}

async function checkPaths(inputs: Inputs, workspace: string): Promise<void> {
  for (const keys of inputs.ssh) {
    const missing = await firstMissing(keys.paths, workspace)
    if (missing === undefined) continue
    throw new UserError(
      `Input "ssh": got ${JSON.stringify(formatSshKeys(keys))}, but there is no ${missing}.`,
      'A path is relative to the workspace.',
    )
  }
  for (const { id, source } of inputs.secrets) {
    if ('path' in source && !(await isFile(resolve(workspace, source.path)))) {
      throw new UserError(
        `Input "secret-files": the file of ${JSON.stringify(id)}, ${resolve(workspace, source.path)}, doesn't exist.`,
        'A path is relative to the workspace.',
      )
    }
  }
  for (const { name, value } of inputs.buildContexts) {
    if (isPath(value) && !(await isFolder(resolve(workspace, value)))) {
      throw new UserError(
        `Input "build-contexts": ${JSON.stringify(name)} is ${JSON.stringify(value)}, but there is no folder ${resolve(workspace, value)}.`,
        'Write a folder relative to the workspace, a Git URL, or `docker-image://reference`.',
      )
    }
  }
}

async function firstMissing(paths: readonly string[], workspace: string): Promise<string | undefined> {
  for (const path of paths.map((one) => resolve(workspace, one))) {
    const isThere = await stat(path).then(
      () => true,
      () => false,
    )
    if (!isThere) return path
  }
  return undefined
}

/** Whether what a build context stands for is a path and no URL. */
export function isPath(value: string): boolean {
  return !/^[a-z][a-z0-9+-]*:\/\//i.test(value) && parseGitContext(value, 'build-contexts') === undefined
}

function checkTarget(target: string | undefined, dockerfile: Dockerfile, file: string): string | undefined {
  if (target === undefined) return undefined
  const found = findTarget(dockerfile, target)
  if (found !== undefined) return found
  const names = dockerfile.stages.map(({ name }, index) => name ?? String(index))
  throw new UserError(
    `Input "target": got ${JSON.stringify(target)}, but ${file} has no such stage.`,
    `Its stages: ${names.join(', ')}.`,
  )
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
}
