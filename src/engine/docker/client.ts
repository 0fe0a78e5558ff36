import { lstat, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Context } from '../../runner/context.js'
import { stepsOf, targetIndex } from '../../dockerfile/dockerfile.js'
import { type Place, RegistryError, UserError } from '../../errors.js'
import { CommandError, type Env, execute, formatCommand, type RunOptions, type RunResult } from '../../exec.js'
import { findIgnoreFile } from '../../source/ignored-files.js'
import { parseObject } from '../../lib/json.js'
import { printLive } from '../../log.js'
import type { Source } from '../../source/source.js'
import type { BuildRequest, Engine, EngineFacts } from '../engine.js'
import { hintFor, hintForRun, isPassing, retriesOfLost, SEE_LOG } from '../error-hints.js'
import type { Scene } from '../known-causes.js'
import { hintForMissing, missingOf } from '../copy-not-found.js'
import type { Step } from '../progress.js'
import { secretFiles, writeSecrets } from '../secret-files.js'
import { type WorkDir, writePrivate } from '../work-dir.js'
import { buildArgs, type BuildPlaces, loginArgs } from './args.js'
import type { Docker } from './builder.js'
import { missingPath } from './copy-not-found.js'
import { type DockerProgress, failedLine, followBuildkit } from './progress.js'

/** Everything that Docker's client is called with beside the request itself. */
export interface DockerSetup {
  readonly docker: Docker
  /** With a private DOCKER_CONFIG in it. */
  readonly env: Env
  readonly folder: WorkDir
  readonly context: Context
  /** Absolute path of the folder with the steps of earlier builds, and for those of this one. */
  readonly root: string
  /** Registries that may be spoken to without TLS or with an unknown certificate. */
  readonly insecure: readonly string[]
  readonly facts: EngineFacts
}

/** What the client alone needs. */
export type DockerClient = Pick<DockerSetup, 'docker' | 'env' | 'folder'>

const DAEMON_FULL =
  'The disk of Docker’s daemon, or of its builder, is full. `docker system prune` and `docker buildx prune` in a step before free some of it; RUNNER_TEMP is another place.'

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
        throw refusal(`Login to ${registry} as ${JSON.stringify(username)} failed`, error, setup, { isLogin: true })
      })
    },

    preview(request) {
      const places = placesFor(request, setup, secretFiles(request.inputs, folder))
      return formatCommand([docker.path, ...buildArgs(request, docker, places)])
    },
  }
}

/** Writes the files that a build needs, and says where they are. */
export async function preparePlaces(
  request: BuildRequest,
  setup: DockerSetup,
  some: Partial<Pick<BuildPlaces, 'cacheFrom' | 'cacheTo'>>,
): Promise<BuildPlaces> {
  const secrets = await writeSecrets(request.inputs, setup.folder, setup.context)
  return { ...placesFor(request, setup, secrets), ...some, file: await withIgnoreFile(request.source, setup.folder) }
}

/**
 * Docker knows no .containerignore, and follows no link out of the context: it gets a copy of the Dockerfile with the
 * ignore file beside it, under the name that it knows.
 */
async function withIgnoreFile(source: Source, folder: WorkDir): Promise<string> {
  const [ignore, theirs] = [await findIgnoreFile(source, 'buildah'), await findIgnoreFile(source, 'docker')]
  if (ignore === undefined || ignore.text === undefined) return source.file
  if (ignore.path === theirs?.path && !(await lstat(ignore.path)).isSymbolicLink()) return source.file
  await writePrivate(folder, 'out/Dockerfile.dockerignore', ignore.text)
  return await writePrivate(folder, 'out/Dockerfile', await readFile(source.file))
}

function placesFor(
  { inputs, source, references }: BuildRequest,
  { folder, context, insecure }: DockerSetup,
  secrets: BuildPlaces['secrets'],
): BuildPlaces {
  const out = (name: string) => join(folder.path, 'out', name)
  return {
    ...{ workspace: context.workspace, secrets, file: source.file, cacheFrom: [], cacheTo: [], pull: inputs.pull },
    ...{ iid: out('iid'), metadata: out('metadata.json'), results: out('results') },
    insecure: references.some(({ registry }) => insecure.includes(registry)),
  }
}

/**
 * Builds the image and all that is to become of it, with its output in the log.
 * @param progress follows it
 * @throws UserError with the line of the Dockerfile, where it is known
 */
export async function buildLive(
  request: BuildRequest,
  setup: DockerSetup,
  places: BuildPlaces,
  progress: DockerProgress,
): Promise<void> {
  const { docker } = setup
  const { dockerfile, file } = request.source
  for (const path of [places.iid, places.metadata]) await rm(path, { force: true })
  const args = buildArgs(request, docker, places)
  const onOutput = (print: (chunk: Buffer) => void) => (chunk: Buffer) => {
    progress.add(chunk)
    print(chunk)
  }
  try {
    await printLive('Build', formatCommand([docker.path, ...args]), (print) =>
      runDocker(setup, args, { onOutput: onOutput(print) }),
    )
  } catch (error) {
    const line = failedLine(progress, dockerfile)
    if (line === undefined) throw explain('The build failed', error, setup)
    throw explain('The build failed', error, setup, {
      place: { file, line },
      hint: await hintForCopy(error, line, request.source),
    })
  } finally {
    request.onSteps(inOrder(progress.steps()))
  }
}

/** Follows the build of a request. */
export function followBuild({ source: { dockerfile, target } }: BuildRequest): DockerProgress {
  const names = dockerfile.stages.map(({ name }) => name?.toLowerCase())
  return followBuildkit(names, targetIndex(dockerfile, target))
}

/** What a build has written down of itself. */
export async function readMetadata({ metadata }: BuildPlaces): Promise<Record<string, unknown>> {
  return parseObject(await readFile(metadata, 'utf8'))
}

/** A digest becomes an output of the step, so it must be one. */
export function digestIn(text: unknown, path: string): string {
  if (typeof text === 'string' && /^sha256:[0-9a-f]{64}$/.test(text)) return text
  throw new Error(`Docker wrote no digest into ${path}: ${String(text).slice(0, 100)}`)
}

/** What a registry or the way to it said. @param scene with the part of the output that is about it, where it has others */
export function refusal(
  what: string,
  error: unknown,
  setup: DockerClient,
  { said, ...scene }: Scene & { readonly said?: string } = {},
): unknown {
  if (!(error instanceof CommandError)) return error
  const output = said ?? error.output
  const options = { cause: error, retries: retriesOfLost(output) }
  return new RegistryError(`${what}.`, hintOf(output, setup, scene) ?? SEE_LOG, isPassing(output), options)
}

export function explain(
  what: string,
  error: unknown,
  setup: DockerClient,
  { place, hint }: { readonly place?: Place; readonly hint?: string | undefined } = {},
): unknown {
  if (!(error instanceof CommandError)) return error
  return new UserError(`${what}.`, hint ?? hintOf(error.output, setup) ?? SEE_LOG, { cause: error, place })
}

/** What the instruction of a line didn't find in the context, where that is why it failed. */
async function hintForCopy(error: unknown, line: number, source: Source): Promise<string | undefined> {
  const instruction = stepsOf(source.dockerfile).find((step) => step.line === line)
  if (!(error instanceof CommandError) || instruction === undefined) return undefined
  const path = missingPath(error.output, instruction)
  return path === undefined ? undefined : await hintForMissing(await missingOf(path, source), source)
}

/** What a step prints says nothing about the registry of the build, so only the last error is looked at for that. */
function hintOf(output: string, { folder }: DockerClient, scene: Scene = {}): string | undefined {
  const full = output.split('\n').findLast((line) => /no space left on device/i.test(line))
  // What the client itself writes lies in the private folder.
  if (full !== undefined && !full.includes(folder.path)) return DAEMON_FULL
  const last =
    output
      .trimEnd()
      .split('\n')
      .findLast((line) => /error|failed|denied|unauthorized|unknown|invalid/i.test(line)) ?? ''
  return isOfStep(last)
    ? (hintFor(`${output}\nError: `) ?? hintForRun(output))
    : hintFor(`${output}\nError: ${last}`, scene)
}

/** Whether an error is that of a program in a RUN step. */
function isOfStep(output: string): boolean {
  return /did not complete successfully|executor failed running/.test(output)
}

/** BuildKit runs several at once; they are shown in the order of the Dockerfile. */
function inOrder(steps: readonly Step[]): Step[] {
  return [...steps].sort((one, other) => one.stage - other.stage || one.index - other.index)
}
