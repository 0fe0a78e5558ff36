import { join } from 'node:path'
import { targetIndex } from '../../dockerfile/dockerfile.js'
import { formatPlatform, type Platform } from '../../lib/platform.js'
import { formatReference, repositoryOf } from '../../metadata/reference.js'
import { formatBuildArg } from '../../runner/build-arguments.js'
import type { Source } from '../../source/source.js'
import { csv } from '../../lib/csv.js'
import type { BuildRequest } from '../engine.js'
import { each } from '../flags.js'
import { absoluteContext } from '../input-paths.js'
import type { BuildPlaces } from './build-places.js'
import type { Docker } from './builder.js'
import { inputArgs } from './input-flags.js'

const GZIP_ONLY = ['compression=gzip', 'force-compression=true']

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
    ...inputArgs({ inputs, kind, places }),
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
  const untagged = [...new Set(references.map((reference) => formatReference(repositoryOf(reference))))]
  const named = (some: readonly string[]) => (some.length === 0 ? [] : [`name=${some.join(',')}`])
  // Else only the image's own time is the one that is wanted.
  const rewritten = inputs.timestamp === undefined ? [] : ['rewrite-timestamp=true']
  const compressed = [...rewritten, ...compressionOf(inputs)]
  // An older daemon loads no zstd layers, and of two compressions of a layer BuildKit takes the one that is there.
  const loadable = [...rewritten, ...(inputs.compression === undefined ? [] : GZIP_ONLY)]
  const files = inputs.outputs.map(({ type }, index) => {
    const isImage = type === 'oci' || type === 'docker'
    return csv(
      `type=${type}`,
      `dest=${resultPath(places.results, index)}`,
      ...(isImage ? [...named(names.slice(0, 1)), ...(type === 'oci' ? compressed : loadable)] : []),
    )
  })
  const layout =
    places.layout === undefined ? [] : [csv('type=oci', 'tar=false', `dest=${places.layout}`, ...compressed)]
  const loaded = inputs.load ? [csv('type=docker', ...named(names), ...loadable)] : []
  const image = csv(
    ...['type=image', ...named(inputs.byDigest ? untagged : names), ...compressed],
    ...(inputs.byDigest ? ['push-by-digest=true', 'name-canonical=true'] : []),
    ...(format === 'docker' ? ['oci-mediatypes=false'] : []),
    ...(inputs.push ? ['push=true', ...(places.insecure ? ['registry.insecure=true'] : [])] : []),
  )
  // The metadata has room for one image: the last one.
  return [...each('--output', [...files, ...layout, ...loaded, image]), ...each('--cache-to', places.cacheTo)]
}

/** Attributes of an output; BuildKit leaves layers as they are that come from base images, unless it is forced. */
function compressionOf({ compression }: BuildRequest['inputs']): string[] {
  if (compression === undefined) return []
  const { format, level, force } = compression
  return [
    `compression=${format}`,
    ...(level === undefined ? [] : [`compression-level=${level}`]),
    ...(force ? ['force-compression=true'] : []),
  ]
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
