import { formatReference, type Reference } from '../../image/reference.js'
import { csv } from '../csv.js'
import type { BuildRequest } from '../engine.js'
import { absoluteContext, absoluteKeys } from '../paths.js'
import type { SecretFile } from '../secret-files.js'
import type { BuilderKind, Docker } from './builder.js'

/** What of a build lies in files, and what it may take from earlier ones. */
export interface BuildPlaces {
  readonly workspace: string
  /** Files that the client writes: the id of the image, and Buildx's account of the build. */
  readonly iid: string
  readonly metadata: string
  readonly secrets: readonly SecretFile[]
  /** The Dockerfile, beside which its ignore file lies. */
  readonly file: string
  /** Where steps are taken from, as `--cache-from` has it. */
  readonly cacheFrom: readonly string[]
}

/** What is to become of what was built. */
export type Target =
  /** The image, in the storage of the builder. */
  | { readonly kind: 'image' }
  | { readonly kind: 'push'; readonly reference: Reference; readonly insecure: boolean }
  | { readonly kind: 'load'; readonly references: readonly Reference[] }
  | {
      readonly kind: 'file'
      readonly type: 'oci' | 'docker' | 'local' | 'tar'
      readonly dest: string
      readonly name: string
    }
  /** The steps alone, as `--cache-to` has it. */
  | { readonly kind: 'steps'; readonly cacheTo: readonly string[] }

/** The arguments of a build, behind the path of the client; pure. */
export function buildArgs(request: BuildRequest, docker: Docker, target: Target, places: BuildPlaces): string[] {
  const { inputs, source } = request
  const isFirst = target.kind === 'image'
  const { kind } = docker
  return [
    ...(kind.startsWith('buildx') ? ['buildx', 'build'] : ['build']),
    ...(kind === 'classic' ? [] : ['--progress', 'plain']),
    // what
    ...['--file', places.file],
    ...(source.target === undefined ? [] : ['--target', source.target]),
    ...each('--build-arg', inputs.buildArgs),
    ...each(
      '--build-context',
      inputs.buildContexts.map((context) => absoluteContext(context, places.workspace)),
    ),
    ...each(
      '--secret',
      places.secrets.map(({ id, path }) => `id=${id},src=${path}`),
    ),
    ...each(
      '--ssh',
      inputs.ssh.map((entry) => absoluteKeys(entry, places.workspace)),
    ),
    // how
    ...networkArgs(inputs.network, kind),
    ...each('--add-host', inputs.addHosts),
    ...(inputs.shmSize === undefined ? [] : ['--shm-size', inputs.shmSize]),
    ...each('--ulimit', inputs.ulimit),
    // What the first build has made, the next ones find: they must not make it anew.
    ...(isFirst && inputs.pull ? ['--pull'] : []),
    ...(isFirst && (inputs.noCache || !request.cache.read) ? ['--no-cache'] : []),
    ...each('--cache-from', places.cacheFrom),
    // the result
    ...each(
      '--label',
      request.labels.map(({ name, value }) => `${name}=${value}`),
    ),
    ...(kind === 'buildx'
      ? each(
          '--annotation',
          request.annotations.map(({ name, value }) => `${name}=${value}`),
        )
      : []),
    ...targetArgs(request, kind, target, places),
    source.context,
  ]
}

/** The arguments of a login; the password goes to standard input. Pure. */
export function loginArgs(registry: string, username: string): string[] {
  return ['login', '--username', username, '--password-stdin', ...(registry === 'docker.io' ? [] : [registry])]
}

/** The tag in a registry that steps lie under, beside those of images; pure. */
export function stepsReference(repository: string): string {
  return `${repository}:buildcache`
}

function targetArgs(request: BuildRequest, kind: BuilderKind, target: Target, places: BuildPlaces): string[] {
  const { references, format, cache } = request
  const mediaTypes = format === 'docker' ? ',oci-mediatypes=false' : ''
  switch (target.kind) {
    case 'image':
      if (kind === 'buildx')
        return ['--output', `type=image${mediaTypes}`, '--iidfile', places.iid, '--metadata-file', places.metadata]
      return [
        ...['--iidfile', places.iid],
        ...each('--tag', references.map(formatReference)),
        ...(kind !== 'classic' && cache.write ? ['--build-arg', 'BUILDKIT_INLINE_CACHE=1'] : []),
      ]
    case 'push': {
      const insecure = target.insecure ? ',registry.insecure=true' : ''
      const output = `type=image,name=${formatReference(target.reference)},push=true${insecure}${mediaTypes}`
      return ['--output', output, '--metadata-file', places.metadata]
    }
    case 'load':
      return ['--output', 'type=docker', ...each('--tag', target.references.map(formatReference))]
    case 'file': {
      const isImage = target.type === 'oci' || target.type === 'docker'
      const name = isImage && target.name !== '' ? `,name=${target.name}` : ''
      return ['--output', csv(`type=${target.type}`, `dest=${target.dest}`) + name]
    }
    case 'steps':
      return ['--output', 'type=cacheonly', ...each('--cache-to', target.cacheTo)]
  }
}

/** `host` is a right that a builder has to be given. */
function networkArgs(network: 'default' | 'none' | 'host', kind: BuilderKind): string[] {
  if (network === 'default') return []
  return ['--network', network, ...(network === 'host' && kind === 'buildx' ? ['--allow', 'network.host'] : [])]
}

function each(flag: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [flag, value])
}
