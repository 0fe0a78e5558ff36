import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { targetIndex } from '../../dockerfile/dockerfile.js'
import { formatPlatform, type Platform } from '../../lib/platform.js'
import { formatReference } from '../../metadata/reference.js'
import { formatBuildArg } from '../../runner/build-arguments.js'
import type { CountedInput } from '../../runner/input-table.js'
import { formatSshKeys } from '../../runner/ssh-keys.js'
import type { Source } from '../../source/source.js'
import { csv } from '../../lib/csv.js'
import type { BuildRequest } from '../engine.js'
import { absoluteContext, absoluteKeys } from '../input-paths.js'
import type { SecretFile } from '../secret-files.js'
import type { BuilderKind, Docker } from './builder.js'

/** The files of a build, and where it reads and writes its cache. */
export interface BuildPlaces {
  readonly workspace: string
  /** Files that the client writes: the id of the image, and Buildx's account of the build. */
  readonly iid: string
  readonly metadata: string
  /** Folder of what the input `outputs` asks for, until the build has gone well. */
  readonly results: string
  readonly secrets: readonly SecretFile[]
  /** The Dockerfile, beside which its ignore file lies. */
  readonly file: string
  /** Where steps are taken from, as `--cache-from` has it, and where they are left. */
  readonly cacheFrom: readonly string[]
  readonly cacheTo: readonly string[]
  /** Whether registries are asked for every base image, whatever the daemon has under its name. */
  readonly pull: boolean
  /** What BuildKit's own checks are told by a build argument. */
  readonly check?: string | undefined
  /** Whether the registries that are pushed to may be spoken to without TLS. */
  readonly insecure: boolean
}

/** What the flags of a build are made of. */
interface Build {
  readonly inputs: BuildRequest['inputs']
  readonly kind: BuilderKind
  readonly places: BuildPlaces
}

const refused = () => []

/** The flags for each input that is compared literally. */
const INPUT_FLAGS: Readonly<Record<CountedInput, (build: Build) => readonly string[]>> = {
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
  isolation: refused,
  'extra-args': refused,
}

/** The arguments of a build with all its results, behind the path of the client; pure. */
export function buildArgs(request: BuildRequest, { kind }: Pick<Docker, 'kind'>, places: BuildPlaces): string[] {
  const { inputs, source } = request
  return [
    ...['buildx', 'build', '--progress', 'plain'],
    // what
    ...platformArgs(inputs.platforms),
    ...['--file', places.file],
    ...targetArgs(source),
    ...each('--build-arg', [
      ...inputs.buildArgs.map(formatBuildArg),
      ...(places.check === undefined ? [] : [places.check]),
    ]),
    ...each(
      '--build-context',
      inputs.buildContexts.map((context) => absoluteContext(context, places.workspace)),
    ),
    // how
    ...Object.values(INPUT_FLAGS).flatMap((flags) => flags({ inputs, kind, places })),
    ...(places.pull ? ['--pull'] : []),
    ...(inputs.noCache || !request.cache.read ? ['--no-cache'] : []),
    ...each('--cache-from', places.cacheFrom),
    // the results
    ...each(
      '--label',
      request.labels.map(({ name, value }) => `${name}=${value}`),
    ),
    ...each('--annotation', kind === 'buildx' ? request.annotations.map(({ name, value }) => `${name}=${value}`) : []),
    ...['--metadata-file', places.metadata],
    ...(kind === 'buildx' ? resultArgs(request, places) : inDaemonArgs(request, places)),
    source.context,
  ]
}

/** The arguments of a login; the password goes to standard input. Pure. */
export function loginArgs(registry: string, username: string): string[] {
  return ['login', '--username', username, '--password-stdin', ...(registry === 'docker.io' ? [] : [registry])]
}

/** The arguments that write the files of an image which the daemon has; pure. @param folder with `filesDockerfile()` */
export function filesArgs(type: 'local' | 'tar', dest: string, folder: string): string[] {
  return ['buildx', 'build', '--progress', 'plain', '--output', csv(`type=${type}`, `dest=${dest}`), folder]
}

/** Text of the Dockerfile for it. By FROM, the image's own triggers (ONBUILD) would come in. Pure. */
export function filesDockerfile(image: string): string {
  return `FROM scratch\nCOPY --from=${image} / /\n`
}

/** Where the output at this place of the input lies until the build has gone well; pure. */
export function resultPath(results: string, index: number): string {
  return join(results, String(index))
}

/** The outputs of one build. */
function resultArgs({ inputs, references, format }: BuildRequest, places: BuildPlaces): string[] {
  const names = references.map(formatReference)
  const named = (some: readonly string[]) => (some.length === 0 ? [] : [`name=${some.join(',')}`])
  const files = inputs.outputs.map(({ type }, index) => {
    const isImage = type === 'oci' || type === 'docker'
    return csv(
      `type=${type}`,
      `dest=${resultPath(places.results, index)}`,
      ...(isImage ? named(names.slice(0, 1)) : []),
    )
  })
  const loaded = inputs.load ? [csv('type=docker', ...named(names))] : []
  const image = csv(
    ...['type=image', ...named(names)],
    ...(format === 'docker' ? ['oci-mediatypes=false'] : []),
    ...(inputs.push ? ['push=true', ...(places.insecure ? ['registry.insecure=true'] : [])] : []),
  )
  // The metadata has room for one image: the last one.
  return [...each('--output', [...files, ...loaded, image]), ...each('--cache-to', places.cacheTo)]
}

/** The image under its references, with what its layers are written into it for the next run. */
function inDaemonArgs({ references, cache }: BuildRequest, { iid }: BuildPlaces): string[] {
  return [
    ...['--iidfile', iid],
    ...each('--tag', references.map(formatReference)),
    ...(cache.write ? ['--build-arg', 'BUILDKIT_INLINE_CACHE=1'] : []),
  ]
}

/** A builder of its own makes an index of several. */
function platformArgs(platforms: readonly Platform[]): string[] {
  return platforms.length === 0 ? [] : ['--platform', platforms.map(formatPlatform).join(',')]
}

/** BuildKit doesn't know stages by their numbers, and takes the last one by itself. */
function targetArgs({ dockerfile, target }: Source): string[] {
  if (target === undefined) return []
  return dockerfile.stages[targetIndex(dockerfile, target)]?.name === undefined ? [] : ['--target', target]
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

function each(flag: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [flag, value])
}
