import { execute, type RunOptions, type RunResult } from '../../exec.js'
import type { Sandbox } from './sandbox/session.js'
import type { BuildahSetup } from './setup.js'

/** Runs Buildah as the build user, in the given sandbox or else in the one for registries. @throws CommandError */
export async function runBuildah(
  { buildah, folder, sandboxes }: BuildahSetup,
  args: readonly string[],
  options: Partial<RunOptions>,
  sandbox?: Sandbox,
): Promise<RunResult> {
  const { enter, env } = sandbox ?? (await sandboxes.forRegistries())
  return await execute([...enter, buildah.path, ...args], {
    env: { ...folder.env, ...env },
    cwd: folder.path,
    ...options,
  })
}
