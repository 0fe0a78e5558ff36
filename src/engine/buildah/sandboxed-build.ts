import { formatCommand } from '../../exec.js'
import { info } from '../../log.js'
import { buildArgs, pullsItself } from './args.js'
import type { BuildPaths } from './build-paths.js'
import { type BuildahSetup } from './setup.js'
import { runBuildah } from './command.js'
import type { BuildRequest, Image } from '../engine.js'
import { followProgress } from '../progress.js'
import { runLive } from './live.js'
import { pullImages } from './pulls.js'
import { withLatePulls } from './late-pulls.js'
import type { Sandbox } from './sandbox/session.js'

/** Builds in a sandbox of its own, which ends with the build: nothing that a step has left running goes on. */
export async function buildApart(request: BuildRequest, setup: BuildahSetup, paths: BuildPaths): Promise<Image> {
  const { sandboxes } = setup
  const always = request.inputs.pull
  if (pullsItself(request)) {
    info('Sandbox: the build can read the logins, because it needs one image for two platforms')
    const sandbox = await sandboxes.forBuildWithLogin()
    return await buildOnce(request, setup, paths, sandbox).finally(() => sandbox.close())
  }
  const failed = await pullImages(request.isComplete === true ? [] : request.images, always, setup)
  const build = async () => {
    const sandbox = await sandboxes.forBuild()
    return await buildOnce(request, setup, paths, sandbox).finally(() => sandbox.close())
  }
  return await (request.isComplete === true ? build() : withLatePulls(build, request, failed, setup))
}

async function buildOnce(
  request: BuildRequest,
  setup: BuildahSetup,
  paths: BuildPaths,
  sandbox: Sandbox,
): Promise<Image> {
  const { format, references } = request
  const { compression } = request.inputs
  const args = buildArgs(request, setup, paths)
  const progress = followProgress(Date.now)
  const onStdout = (chunk: Buffer) => {
    progress.add(chunk)
  }
  try {
    const { stdout } = await runLive('Build', formatCommand([setup.buildah.path, ...args]), setup, (onOutput) =>
      runBuildah(setup, args, { onOutput, onStdout }, sandbox),
    )
    return { id: readImageId(stdout), format, references, compression }
  } finally {
    if (progress.isDoubtful()) info('Cache: the output of some steps is interleaved, so no step of this build is saved')
    request.onSteps(progress.steps())
  }
}

/** A build ends with the id of its image on standard output. (With --iidfile it keeps those of the steps to itself.) */
function readImageId(stdout: string): string {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  if (!/^[0-9a-f]{64}$/.test(line))
    throw new Error(`Buildah printed no image ID at the end, but ${JSON.stringify(line.slice(0, 100))}`)
  return `sha256:${line}`
}
