import { createHash } from 'node:crypto'
import { csv } from '../../lib/csv.js'
import type { CountedInput } from '../../runner/input-table.js'
import { formatSshKeys } from '../../runner/ssh-keys.js'
import { SOURCE_DATE_EPOCH } from '../../runner/timestamp-input.js'
import type { BuildRequest } from '../engine.js'
import { each } from '../flags.js'
import { absoluteKeys } from '../input-paths.js'
import type { BuildPlaces } from './build-places.js'
import type { BuilderKind } from './builder.js'

/** What the flags of a build are made of. */
export interface FlagsOf {
  readonly inputs: BuildRequest['inputs']
  readonly kind: BuilderKind
  readonly places: BuildPlaces
}

const refused = () => []
/** It is for what comes after the build. */
const later = () => []

/** The flags for each input that is compared literally. */
const INPUT_FLAGS: Readonly<Record<CountedInput, (build: FlagsOf) => readonly string[]>> = {
  secrets: ({ places }) =>
    each(
      '--secret',
      places.secrets.map(({ id, path }) => csv(`id=${id}`, `src=${path}`)),
    ),
  ssh: ({ inputs, places }) =>
    each(
      '--ssh',
      inputs.ssh.map((keys) => formatSshKeys(absoluteKeys(keys, places.workspace))),
    ),
  network: ({ inputs, kind }) => networkArgs(inputs.network, kind),
  'add-hosts': ({ inputs }) => hostArgs(inputs.addHosts),
  'shm-size': ({ inputs }) => (inputs.shmSize === undefined ? [] : ['--shm-size', inputs.shmSize]),
  ulimit: ({ inputs }) => each('--ulimit', inputs.ulimit),
  // It stands behind one of the user, and so takes its place.
  timestamp: ({ inputs: { timestamp } }) =>
    timestamp?.seconds === undefined ? [] : ['--build-arg', `${SOURCE_DATE_EPOCH}=${timestamp.seconds}`],
  test: later,
  compression: later,
  provenance: ({ inputs }) => provenanceArgs(inputs.provenance),
  sbom: ({ inputs }) => (inputs.sbom === undefined ? [] : attestArgs('sbom', inputs.sbom.given)),
  isolation: refused,
  'extra-args': refused,
}

/** The flags for all of these inputs. Pure. */
export function inputArgs(build: FlagsOf): string[] {
  return Object.values(INPUT_FLAGS).flatMap((flags) => flags(build))
}

/** As docker/build-push-action has it: without an id of the builder, the run is that. */
function provenanceArgs(provenance: BuildRequest['inputs']['provenance']): string[] {
  if (provenance === undefined) return []
  const { given, builderId } = provenance
  const isNamed = builderId === '' || /(^|,)"?builder-id=/.test(given)
  const attributes = isNamed ? [given] : [given, csv(`builder-id=${builderId}`)]
  return attestArgs('provenance', attributes.filter((one) => one !== '').join(','))
}

function attestArgs(type: string, attributes: string): string[] {
  return ['--attest', attributes === '' ? `type=${type}` : `type=${type},${attributes}`]
}

/** `host` is a right that a builder has to be given. */
function networkArgs(network: 'default' | 'none' | 'host', kind: BuilderKind): string[] {
  if (network === 'default') return []
  return ['--network', network, ...(network === 'host' && kind === 'buildx' ? ['--allow', 'network.host'] : [])]
}

/**
 * BuildKit takes a step that ran with other addresses of the same hosts. One more host, with a name that depends on the
 * addresses, makes it another step.
 */
function hostArgs(hosts: readonly string[]): string[] {
  if (hosts.length === 0) return []
  const digest = createHash('sha256').update(JSON.stringify(hosts)).digest('hex').slice(0, 16)
  return each('--add-host', [...hosts, `${digest}.add-hosts.invalid:127.0.0.1`])
}
