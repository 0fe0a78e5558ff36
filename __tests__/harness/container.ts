import { tmpdir } from 'node:os'

import { accountFor } from './account.js'
import type { DockerPlace } from './docker-daemon.js'
import type { StepInputs } from './surroundings.js'

/** RUNNER_TEMP in a container: on the disk of the container itself. */
export const containerTemp = '/runner/_temp'

/** A container that a job's steps run in one after the other, as a pod or a job with `container:` has it. */
export interface Container {
  /** Runs a step in it, by the account of the step. */
  readonly within: StepInputs
  /** Runs something in it as root. @returns what it prints */
  run(...argv: readonly string[]): Promise<string>
  remove(): Promise<void>
}

/**
 * Starts a container in the network of the machine, with the system's temporary folder, in which what belongs to a job
 * lies; RUNNER_TEMP is the container's own. The unprivileged account is there under the name `runner`.
 * @param options as for `docker run`
 */
export async function startContainer(
  docker: DockerPlace,
  image: string,
  options: readonly string[],
): Promise<Container> {
  const { uid } = accountFor('user')
  const how = ['--detach', '--init', '--network', 'host', '--volume', `${tmpdir()}:${tmpdir()}`, ...options]
  const id = (await docker.run('run', ...how, image, 'sleep', 'infinity')).trim()
  // Whoever it belongs to.
  const run = (...argv: readonly string[]) => docker.run('exec', '--user', '0', id, ...argv)
  await run('sh', '-c', `id runner >/dev/null 2>&1 || useradd --create-home --uid ${uid} runner`)
  await run('install', '--directory', '--mode', '1777', containerTemp)
  // udev would have done that on the machine; where none runs, the device is root's alone.
  await run('sh', '-c', '! test -e /dev/fuse || chmod 666 /dev/fuse')
  return {
    run,
    remove: async () => {
      await docker.run('rm', '--force', id)
    },
    // By their names: a value may be a secret, and the command line is for everybody to read.
    within: (account) => [
      ...['/bin/bash', '-c'],
      'names=(); while IFS= read -r -d "" line; do names+=(--env "${line%%=*}"); done < <(env -0)\n' +
        'exec /usr/bin/docker --host "$1" exec --user "$2" --workdir "$PWD" "${names[@]}" "$3" "${@:4}"',
      ...['bash', docker.host, `${account.uid}:${account.gid}`, id],
    ],
  }
}
