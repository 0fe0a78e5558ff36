import { lstat, mkdir, realpath, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { UserError } from '../../errors.js'
import { execute, findProgram } from '../../exec.js'
import type { Output } from '../../runner/output-files.js'
import { resultPath } from './args.js'
import type { BuildPlaces } from './build-places.js'
import type { DockerSetup } from './setup.js'

/**
 * Brings the files that came out of a build to where the input `outputs` wants them. Until then they lie in the private
 * folder: in the workspace, a build that is made once more would take them for a part of its context.
 */
export async function placeResults(
  outputs: readonly Output[],
  { results }: BuildPlaces,
  { context }: DockerSetup,
): Promise<void> {
  for (const [index, { dest }] of outputs.entries()) {
    const [from, to] = [resultPath(results, index), resolve(context.workspace, dest)]
    await mkdir(dirname(to), { recursive: true })
    await move(from, to, context).catch((error: unknown) => {
      throw new UserError(
        `Input "outputs": ${dest} could not be written.`,
        'Make its folder writable for the user who runs the step, or write another `dest=`.',
        { cause: error },
      )
    })
  }
}

/** Moves a file or a folder. A folder that is there, or a link to one, keeps what else is in it. */
async function move(from: string, to: string, { env }: DockerSetup['context']): Promise<void> {
  const isThere = await lstat(to).then(
    () => true,
    () => false,
  )
  // The destination may be on another file system.
  if (
    !isThere &&
    (await rename(from, to).then(
      () => true,
      () => false,
    ))
  )
    return
  const copy = await findProgram('cp', env)
  if (copy === undefined) throw new UserError('The program cp is missing.', 'sudo apt-get install coreutils')
  const target = await realpath(to).catch(() => to)
  await execute([copy, '-a', '-T', '--', from, target], { env, cwd: '/' })
  await rm(from, { recursive: true, force: true })
}
