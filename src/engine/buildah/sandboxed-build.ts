import { formatCommand, type RunResult } from '../../exec.js'
import { printLive, info } from '../../log.js'
import { endProcessTree, followNewChildren } from '../../lib/process-tree.js'
import { buildArgs, type BuildPaths, pullsItself } from './args.js'
import { type BuildahSetup } from './setup.js'
import { runBuildah } from './command.js'
import type { BuildRequest, Image } from '../engine.js'
import { ownStorageVariable } from '../work-dir.js'
import { followProgress } from '../progress.js'
import { pullImages, withLatePulls } from './pulls.js'
import type { Sandbox } from './sandbox/session.js'

const KILL_GRACE_MS = 2000

/** Builds in a sandbox of its own, which ends with the build: nothing that a step has left running goes on. */
export async function buildApart(request: BuildRequest, setup: BuildahSetup, paths: BuildPaths): Promise<Image> {
  const { sandboxes } = setup
  const always = request.inputs.pull
  if (pullsItself(request)) {
    info('Sandbox: the build can read the logins, because it needs one image for two platforms')
    const sandbox = await sandboxes.forBuildWithLogin()
    return await buildOnce(request, setup, paths, sandbox).finally(() => sandbox.close())
  }
  const failed = await pullImages(request.images, always, setup)
  const build = async () => {
    const sandbox = await sandboxes.forBuild()
    return await buildOnce(request, setup, paths, sandbox).finally(() => sandbox.close())
  }
  return await withLatePulls(build, request, failed, setup)
}

async function buildOnce(
  request: BuildRequest,
  setup: BuildahSetup,
  paths: BuildPaths,
  sandbox: Sandbox,
): Promise<Image> {
  const { format, references } = request
  const args = buildArgs(request, setup, paths)
  const progress = followProgress(Date.now)
  const onStdout = (chunk: Buffer) => {
    progress.add(chunk)
  }
  try {
    const { stdout } = await buildLive(formatCommand([setup.buildah.path, ...args]), setup, (onOutput) =>
      runBuildah(setup, args, { onOutput, onStdout }, sandbox),
    )
    return { id: readImageId(stdout), format, references }
  } finally {
    if (progress.isDoubtful()) info('Cache: the output of some steps is interleaved, so no step of this build is saved')
    request.onSteps(progress.steps())
  }
}

/** Runs the build, and ends what its steps have left running: without a sandbox, chroot isolation has no namespace that would. */
async function buildLive(
  command: string,
  { folder }: BuildahSetup,
  run: (onOutput: (chunk: Buffer) => void) => Promise<RunResult>,
): Promise<RunResult> {
  const processTree = await followNewChildren(ownStorageVariable(folder.path))
  let looked: Promise<unknown> | undefined
  try {
    return await printLive('Build', command, (onOutput) =>
      run((chunk) => {
        looked ??= processTree.running()
        onOutput(chunk)
      }),
    )
  } finally {
    await looked
    await endProcessTree(processTree, KILL_GRACE_MS)
  }
}

/** A build ends with the id of its image on standard output. (With --iidfile it keeps those of the steps to itself.) */
function readImageId(stdout: string): string {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  if (!/^[0-9a-f]{64}$/.test(line))
    throw new Error(`Buildah printed no image ID at the end, but ${JSON.stringify(line.slice(0, 100))}`)
  return `sha256:${line}`
}
