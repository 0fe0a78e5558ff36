import { readFile, rm } from 'node:fs/promises'
import { targetIndex } from '../../dockerfile/dockerfile.js'
import { execute, formatCommand, type RunOptions, type RunResult } from '../../exec.js'
import { parseObject } from '../../lib/json.js'
import { printLive } from '../../log.js'
import type { BuildRequest, Engine, EngineFacts } from '../engine.js'
import type { Step } from '../progress.js'
import { secretFiles } from '../secret-files.js'
import { buildArgs, loginArgs } from './args.js'
import { placesFor } from './build-files.js'
import { explain, hintForCopy, refusal } from './failures.js'
import type { DockerClient, DockerSetup } from './setup.js'
import { type DockerProgress, failedLine, followBuildkit } from './progress.js'

/** Runs Docker's client as the user of the step. */
export async function runDocker(
  { docker, env, folder }: DockerClient,
  args: readonly string[],
  options: Partial<RunOptions> = {},
): Promise<RunResult> {
  return await execute([docker.path, ...args], { env, cwd: folder.path, ...options })
}

/** What Docker's builders have in common. */
export function commonEngine(
  setup: DockerSetup,
): EngineFacts & Pick<Engine, 'storageConf' | 'login' | 'preview' | 'pushByDigest'> {
  const { docker, facts, folder } = setup
  return {
    ...facts,
    storageConf: '',

    async login(registry, username, password) {
      await runDocker(setup, loginArgs(registry, username), { input: password.reveal() }).catch((error: unknown) => {
        throw refusal(`Login to ${registry} as ${JSON.stringify(username)} failed`, error, setup, { isLogin: true })
      })
    },

    // What would need it is refused before the build, but with a builder of its own.
    pushByDigest: () => Promise.reject(new Error("Docker's daemon pushes nothing by its digest alone")),

    preview(request) {
      const places = placesFor(request, setup, secretFiles(request.inputs, folder))
      return formatCommand([docker.path, ...buildArgs(request, docker, places)])
    },
  }
}

/**
 * Runs a build with all its outputs, and shows its progress in the log.
 * @param progress follows it
 * @throws UserError with the line of the Dockerfile, where it is known
 */
export async function buildLive(
  request: BuildRequest,
  setup: DockerSetup,
  places: ReturnType<typeof placesFor>,
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

/** The metadata file of a build. */
export async function readMetadata({
  metadata,
}: Pick<ReturnType<typeof placesFor>, 'metadata'>): Promise<Record<string, unknown>> {
  return parseObject(await readFile(metadata, 'utf8'))
}

/** A digest becomes an output of the step, so it must be one. */
export function digestIn(text: unknown, path: string): string {
  if (typeof text === 'string' && /^sha256:[0-9a-f]{64}$/.test(text)) return text
  throw new Error(`Docker wrote no digest into ${path}: ${String(text).slice(0, 100)}`)
}

/** BuildKit runs several at once; they are shown in the order of the Dockerfile. */
function inOrder(steps: readonly Step[]): Step[] {
  return [...steps].sort((one, other) => one.stage - other.stage || one.index - other.index)
}
