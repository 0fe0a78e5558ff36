import { lstat, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from '../../context.js'
import { stepsOf, targetIndex } from '../../dockerfile/dockerfile.js'
import { type Place, RegistryError, UserError } from '../../errors.js'
import { CommandError, type Env, execute, formatCommand, type RunOptions, type RunResult } from '../../exec.js'
import { findIgnoreFile } from '../../ignored.js'
import { printLive } from '../../log.js'
import type { Source } from '../../source.js'
import type { BuildRequest, Engine, EngineFacts } from '../engine.js'
import { hintFor, hintForRun, isPassing, retriesOfLost, SEE_LOG } from '../hints.js'
import { hintForMissing, missingOf } from '../missing.js'
import type { Step } from '../progress.js'
import { secretFiles, writeSecrets } from '../secret-files.js'
import { type Folder, writePrivate } from '../storage.js'
import { buildArgs, type BuildPlaces, loginArgs, type Target } from './args.js'
import type { Docker } from './builder.js'
import { missingPath } from './missing.js'
import { type DockerProgress, failedLine, followBuildkit, followClassic } from './progress.js'

/** Everything that Docker's client is called with beside the request itself. */
export interface DockerSetup {
  readonly docker: Docker
  /** With a private DOCKER_CONFIG in it. */
  readonly env: Env
  readonly folder: Folder
  readonly context: Context
  /** Absolute path of the folder with the steps of earlier builds, and for those of this one. */
  readonly root: string
  /** Registries that may be spoken to without TLS or with an unknown certificate. */
  readonly insecure: readonly string[]
  readonly facts: EngineFacts
}

/** What the client alone needs. */
export type DockerClient = Pick<DockerSetup, 'docker' | 'env' | 'folder'>

/** Runs Docker's client as the user of the step. */
export async function runDocker(
  { docker, env, folder }: DockerClient,
  args: readonly string[],
  options: Partial<RunOptions> = {},
): Promise<RunResult> {
  return await execute([docker.path, ...args], { env, cwd: folder.path, ...options })
}

/** What all of Docker's builders do in the same way. */
export function commonEngine(setup: DockerSetup): EngineFacts & Pick<Engine, 'storageConf' | 'login' | 'preview'> {
  const { docker, facts, folder } = setup
  return {
    ...facts,
    storageConf: '',

    async login(registry, username, password) {
      await runDocker(setup, loginArgs(registry, username), { input: password.reveal() }).catch((error: unknown) => {
        throw refusal(`Login to ${registry} as ${JSON.stringify(username)} failed`, error)
      })
    },

    preview(request) {
      const places = placesFor(request, setup, secretFiles(request.inputs, folder), [])
      return formatCommand([docker.path, ...buildArgs(request, docker, { kind: 'image' }, places)])
    },
  }
}

/** Writes the files that a build needs, and says where they are. */
export async function preparePlaces(
  request: BuildRequest,
  setup: DockerSetup,
  cacheFrom: readonly string[],
): Promise<BuildPlaces> {
  const secrets = await writeSecrets(request.inputs, setup.folder, setup.context)
  const places = placesFor(request, setup, secrets, cacheFrom)
  return { ...places, file: await withIgnoreFile(request.source, setup.folder) }
}

/**
 * Docker knows no .containerignore, and follows no link out of the context: it gets a copy of the Dockerfile with the
 * ignore file beside it, under the name that it knows.
 */
async function withIgnoreFile(source: Source, folder: Folder): Promise<string> {
  const [ignore, theirs] = [await findIgnoreFile(source, 'buildah'), await findIgnoreFile(source, 'docker')]
  if (ignore === undefined || ignore.text === undefined) return source.file
  if (ignore.path === theirs?.path && !(await lstat(ignore.path)).isSymbolicLink()) return source.file
  await writePrivate(folder, 'out/Dockerfile.dockerignore', ignore.text)
  return await writePrivate(folder, 'out/Dockerfile', await readFile(source.file))
}

function placesFor(
  { source }: BuildRequest,
  { folder, context }: DockerSetup,
  secrets: BuildPlaces['secrets'],
  cacheFrom: readonly string[],
): BuildPlaces {
  const out = join(folder.path, 'out')
  const files = { iid: join(out, 'iid'), metadata: join(out, 'metadata.json') }
  return { workspace: context.workspace, ...files, secrets, file: source.file, cacheFrom }
}

/**
 * Builds the image, with its output in the log.
 * @throws UserError with the line of the Dockerfile, where it is known
 */
export async function buildLive(request: BuildRequest, setup: DockerSetup, places: BuildPlaces): Promise<void> {
  const { docker } = setup
  const { dockerfile, file } = request.source
  await rm(places.iid, { force: true })
  const args = buildArgs(request, docker, { kind: 'image' }, places)
  const progress = progressOf(request, docker)
  const onOutput = (print: (chunk: Buffer) => void) => (chunk: Buffer) => {
    progress.add(chunk)
    print(chunk)
  }
  try {
    await printLive('Build', formatCommand([docker.path, ...args]), (print) =>
      runDocker(setup, args, { onOutput: onOutput(print) }),
    )
  } catch (error) {
    const line = failedLine(progress, dockerfile, docker.kind === 'classic')
    if (line === undefined) throw explain('The build failed', error)
    throw explain('The build failed', error, { file, line }, await hintForCopy(error, line, request.source))
  } finally {
    request.onSteps(inOrder(progress.steps()))
  }
}

/** Builds once more what the builder has already, for another purpose, without a word in the log. */
export async function buildAgain(
  request: BuildRequest,
  setup: DockerSetup,
  target: Target,
  places: BuildPlaces,
): Promise<void> {
  await runDocker(setup, buildArgs(request, setup.docker, target, places))
}

/** The id of the image that a build has written down. */
export async function readImageId(path: string): Promise<string> {
  return digestIn((await readFile(path, 'utf8')).trim(), path)
}

/** A digest becomes an output of the step, so it must be one. */
export function digestIn(text: unknown, path: string): string {
  if (typeof text === 'string' && /^sha256:[0-9a-f]{64}$/.test(text)) return text
  throw new Error(`Docker wrote no digest into ${path}: ${String(text).slice(0, 100)}`)
}

/** What a registry or the way to it said. */
export function refusal(what: string, error: unknown): unknown {
  if (!(error instanceof CommandError)) return error
  const { output } = error
  const options = { cause: error, retries: retriesOfLost(output) }
  return new RegistryError(`${what}.`, hintOf(output) ?? SEE_LOG, isPassing(output), options)
}

export function explain(what: string, error: unknown, place?: Place, hint?: string): unknown {
  if (!(error instanceof CommandError)) return error
  return new UserError(`${what}.`, hint ?? hintOf(error.output) ?? SEE_LOG, { cause: error, place })
}

/** What the instruction of a line didn't find in the context, where that is why it failed. */
async function hintForCopy(error: unknown, line: number, source: Source): Promise<string | undefined> {
  const instruction = stepsOf(source.dockerfile).find((step) => step.line === line)
  if (!(error instanceof CommandError) || instruction === undefined) return undefined
  const path = missingPath(error.output, instruction)
  return path === undefined ? undefined : await hintForMissing(await missingOf(path, source), source)
}

/** What a step prints says nothing about the registry of the build, so only the last error is looked at for that. */
function hintOf(output: string): string | undefined {
  const last =
    output
      .trimEnd()
      .split('\n')
      .findLast((line) => /error|failed|denied|unauthorized|unknown|invalid/i.test(line)) ?? ''
  return isOfStep(last) ? (hintFor(`${output}\nError: `) ?? hintForRun(output)) : hintFor(`${output}\nError: ${last}`)
}

/** Whether an error is that of a program in a RUN step. */
function isOfStep(output: string): boolean {
  return /did not complete successfully|returned a non-zero code|executor failed running/.test(output)
}

function progressOf({ source: { dockerfile, target } }: BuildRequest, { kind }: Docker): DockerProgress {
  if (kind === 'classic') {
    return followClassic(
      dockerfile.stages.map(({ instructions }) => instructions.length),
      Date.now,
    )
  }
  const names = dockerfile.stages.map(({ name }) => name?.toLowerCase())
  return followBuildkit(names, targetIndex(dockerfile, target))
}

/** BuildKit runs several at once; they are shown in the order of the Dockerfile. */
function inOrder(steps: readonly Step[]): Step[] {
  return [...steps].sort((one, other) => one.stage - other.stage || one.index - other.index)
}
