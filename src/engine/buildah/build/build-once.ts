import { info } from '../../../log.js'
import type { BuildRequest, Image } from '../../engine.js'
import { buildArgs } from './args.js'
import type { BuildPaths } from './build-paths.js'
import { followBuild } from './follow-build.js'
import { jobsFor } from './jobs.js'
import { runLive } from '../live.js'
import type { Sandbox } from '../sandbox/session.js'
import type { BuildahSetup } from '../setup.js'

/** Runs one build, and tells its steps, also when it fails. */
export async function buildOnce(
  request: BuildRequest,
  setup: BuildahSetup,
  paths: BuildPaths,
  sandbox: Sandbox,
): Promise<Image> {
  const { format, references } = request
  const { compression } = request.inputs
  const args = buildArgs(request, { ...setup, root: setup.sandboxes.root }, paths)
  const progress = followBuild(jobsFor(request, setup).count, setup)
  // With the first line, base images are there.
  let ended = -1
  const onStdout = (chunk: Buffer) => {
    progress.add(chunk)
    const now = progress.ended()
    if (now > ended) request.onStepEnd?.()
    ended = now
  }
  let isOver = false
  try {
    const { stdout } = await runLive({ title: 'Build', args, options: { onStdout }, sandbox }, setup)
    isOver = true
    return { id: readImageId(stdout), format, references, compression }
  } finally {
    if (progress.isDoubtful())
      info('Cache: some steps print lines like those of Buildah, so not every step of this build is saved')
    request.onSteps(await progress.steps(isOver))
  }
}

/** A build ends with the id of its image on standard output. (With --iidfile it keeps those of the steps to itself.) */
function readImageId(stdout: string): string {
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  if (!/^[0-9a-f]{64}$/.test(line))
    throw new Error(`Buildah printed no image ID at the end, but ${JSON.stringify(line.slice(0, 100))}`)
  return `sha256:${line}`
}
