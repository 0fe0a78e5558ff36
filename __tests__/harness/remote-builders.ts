import { chmodSync, copyFileSync } from 'node:fs'
import { join } from 'node:path'

import { accountFor } from './account.js'
import { buildkitPrograms, configureBuilder, type Daemon, startDaemon, stopAll } from './docker-daemon.js'
import { makeFolder } from './folders.js'
import type { StepOptions } from './runner.js'

/** Builders behind the driver `remote`, on a machine without Docker's daemon. */
export interface RemoteBuilders {
  /** Environment of a step that finds two of them: `two`, with both nodes, and `rootless`, with the second alone. */
  readonly environment: NonNullable<StepOptions['env']>
  stop(): Promise<void>
}

/**
 * Starts two daemons of BuildKit: one as root for this machine's platform, and one of the account, without root, that says
 * it is for another platform. Ask `dockerReason` before.
 */
export async function startRemoteBuilders(platform: string): Promise<RemoteBuilders> {
  const account = accountFor('user')
  const folder = makeFolder('builders', account)
  const { buildkitd, ...programs } = buildkitPrograms()
  const program = join(folder, 'buildkitd')
  copyFileSync(buildkitd, program)
  chmodSync(program, 0o755)
  const sockets = [join(folder, 'root.sock'), join(folder, 'account.sock')] as const
  const daemons: Daemon[] = []
  const start = async (socket: string, before: readonly string[], options: readonly string[]) => {
    const state = makeFolder('builder-state', account)
    const worker = ['--oci-worker=true', '--containerd-worker=false', '--oci-worker-net=host', ...options]
    const places = ['--root', join(state, 'data'), '--otel-socket-path', join(state, 'otel.sock')]
    daemons.push(
      await startDaemon([...before, program, ...worker, ...places, '--addr', `unix://${socket}`], socket, state),
    )
  }
  await start(sockets[0], [], ['--oci-worker-snapshotter=overlayfs'])
  // Another user clears what `startDaemon` has said of the parent's death.
  const identity = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--init-groups']
  const become = ['setpriv', ...identity, '--pdeathsig', 'TERM', '--']
  const home = ['env', `HOME=${account.home}`, `XDG_RUNTIME_DIR=${folder}`, `TMPDIR=${folder}`]
  const rootless = ['--rootless', '--oci-worker-no-process-sandbox', '--oci-worker-platform', platform]
  // Buildah ends at a signal without a word to the program that it has started.
  const unshare = ['buildah', 'unshare', 'setpriv', '--pdeathsig', 'TERM']
  await start(sockets[1], [...become, ...home, ...unshare], ['--oci-worker-snapshotter=native', ...rootless])
  const config = join(folder, 'config')
  configureBuilder(config, { buildkitd, ...programs }, 'two', sockets)
  configureBuilder(config, { buildkitd, ...programs }, 'rootless', sockets.slice(1))
  return { environment: { DOCKER_CONFIG: config }, stop: () => stopAll(daemons) }
}
