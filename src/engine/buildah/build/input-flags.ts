import lt from 'semver/functions/lt.js'
import type { CountedInput } from '../../../runner/input-table.js'
import { formatSshKeys } from '../../../runner/ssh-keys.js'
import { SOURCE_DATE_EPOCH } from '../../../runner/timestamp-input.js'
import type { BuildRequest } from '../../engine.js'
import { each } from '../../flags.js'
import type { BuildPaths, BuildSetup } from './build-paths.js'
import { modeArgs, networkArgs } from '../find/probe.js'

const KNOWS_SOURCE_DATE_EPOCH_SINCE = '1.41.0'

/** What the flags of a build are made of. */
export interface FlagsOf {
  readonly inputs: BuildRequest['inputs']
  readonly setup: BuildSetup
  readonly paths: BuildPaths
}

/** The flags for each input that is compared literally. `extra-args` comes last, so that it overrides the others. */
const INPUT_FLAGS: Readonly<Record<CountedInput, (build: FlagsOf) => readonly string[]>> = {
  secrets: ({ paths }) =>
    each(
      '--secret',
      paths.secrets.map(({ id, path }) => `id=${id},src=${path}`),
    ),
  ssh: ({ paths }) => each('--ssh', paths.ssh.map(formatSshKeys)),
  // The network belongs to it.
  isolation: ({ setup }) => modeArgs(setup.mode, setup.buildah.version),
  network: ({ setup }) => networkArgs(setup.folder.path, setup.buildah.version),
  'add-hosts': ({ inputs }) => each('--add-host', inputs.addHosts),
  'shm-size': ({ inputs }) => (inputs.shmSize === undefined ? [] : ['--shm-size', inputs.shmSize]),
  ulimit: ({ inputs }) => each('--ulimit', inputs.ulimit),
  timestamp: ({ inputs, setup }) => timestampArgs(inputs, setup.buildah.version),
  // These are for the image that a build has given.
  test: () => [],
  compression: () => [],
  provenance: () => [],
  sbom: () => [],
  'extra-args': ({ inputs }) => inputs.extraArgs,
}

/** The flags for all of these inputs. Pure. */
export function inputArgs(build: FlagsOf): string[] {
  return Object.values(INPUT_FLAGS).flatMap((flags) => flags(build))
}

/**
 * `--timestamp` sets the time of each file; a newer Buildah takes no SOURCE_DATE_EPOCH beside it, and then sets only the
 * times that are later.
 */
function timestampArgs({ timestamp, buildArgs }: BuildRequest['inputs'], version: string): string[] {
  if (timestamp?.seconds === undefined) return []
  const time = String(timestamp.seconds)
  const hasArgument = buildArgs.some(({ name }) => name === SOURCE_DATE_EPOCH)
  if (!hasArgument || lt(version, KNOWS_SOURCE_DATE_EPOCH_SINCE)) return ['--timestamp', time]
  return ['--source-date-epoch', time, '--rewrite-timestamp']
}
