import type { Inputs } from '../../../runner/inputs.js'
import { modeArgs, networkArgs } from '../find/probe.js'
import { type BuildahSetup, globalArgs, policyArgs } from '../setup.js'

/** The arguments that make, use and remove a container in which programs run as RUN steps do; pure. */
export function containerArgs(
  name: string,
  setup: Pick<BuildahSetup, 'buildah' | 'folder' | 'mode' | 'root' | 'files'>,
) {
  const { buildah, folder, mode } = setup
  const globals = globalArgs(setup)
  return {
    from: (image: string, { addHosts, shmSize, ulimit }: Inputs) => [
      ...globals,
      ...['from', '--quiet', '--pull-never', '--name', name],
      ...policyArgs(setup),
      ...networkArgs(folder.path, buildah.version),
      ...addHosts.flatMap((host) => ['--add-host', host]),
      ...(shmSize === undefined ? [] : ['--shm-size', shmSize]),
      ...ulimit.flatMap((limit) => ['--ulimit', limit]),
      image,
    ],
    run: (words: readonly string[]) => [...globals, 'run', ...modeArgs(mode, buildah.version), name, '--', ...words],
    rm: [...globals, 'rm', name],
  }
}
