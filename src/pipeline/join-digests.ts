import { UserError } from '../errors.js'
import { mapConcurrent } from '../lib/concurrency.js'
import { formatPlatform } from '../lib/platform.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import type { Registries } from '../registry/registries.js'
import { copyManifest } from '../registry/copy-manifest.js'
import { imageIndex } from '../registry/image-index.js'
import { entriesOf, type PlatformEntry } from '../registry/index-entries.js'
import type { Inputs } from '../runner/inputs.js'
import { repositoriesOf } from './destination.js'
import { putIndexes } from './image-index.js'
import { annotationsAt, type Metadata } from './metadata.js'
import { openRegistries, type PipelineContext } from './pipeline-context.js'
import { joinedResult, type Result } from './result.js'

const CONCURRENCY = 4

/** Refuses what can't be had together with `digests`, or with an image that gets no tag. @throws UserError */
export function checkDigests({ digests, platforms, load, outputs, distribute, byDigest }: Inputs): void {
  if (byDigest && (platforms.length > 1 || distribute || digests.length > 0))
    throw new UserError(
      'Input "outputs": got type=image with push-by-digest=true, which is for a build of one platform.',
      'Leave it out: the images of several platforms are pushed by digest first, and their index then gets the tags.',
    )
  if (digests.length === 0) return
  const [other] = [
    ...(platforms.length > 0 ? ['platforms'] : []),
    ...(distribute ? ['distribute'] : []),
    ...(load ? ['load'] : []),
    ...(outputs.length > 0 ? ['outputs'] : []),
  ]
  if (other === undefined) return
  throw new UserError(
    `Input "${other}": has no place beside "digests", with which nothing is built.`,
    `Remove \`${other}\`, or \`digests\` to build an image.`,
  )
}

/**
 * Makes one index of manifests that are in the registry already, and puts it under every reference. Nothing is built.
 * @throws UserError for a digest that isn't there, before anything is tagged
 */
export async function joinDigests(
  { inputs, metadata }: { readonly inputs: Inputs; readonly metadata: Metadata },
  pipeline: Pick<PipelineContext, 'context' | 'credentials' | 'services'>,
): Promise<Omit<Result, 'phases'>> {
  const { digests, push } = inputs
  const { references } = metadata
  const repositories = repositoriesOf(references)
  if (repositories.length === 0)
    throw new UserError(
      'Input "digests": there is no repository to look for them in.',
      'Write the repository of the image: `images: ghcr.io/acme/web`.',
    )
  const registries = await openRegistries(pipeline)
  try {
    const entries = await findAll(digests, repositories, registries)
    checkPlatforms(entries)
    const index = imageIndex(entries, annotationsAt(metadata, 'index').annotations)
    const put = push ? await putIndexes(references, () => Promise.resolve(index), registries) : { pushed: [] }
    return joinedResult(put, metadata, entries.filter(hasPlatform))
  } finally {
    registries.close()
  }
}

/** What of an index isn't an attestation or the like. */
function hasPlatform({ platform }: PlatformEntry): boolean {
  return platform.os !== 'unknown'
}

/** @throws UserError that names each that isn't in a repository, or tells no platform */
async function findAll(
  digests: readonly string[],
  repositories: readonly Reference[],
  registries: Registries,
): Promise<PlatformEntry[]> {
  const found: PlatformEntry[][] = []
  const missing: string[] = []
  await mapConcurrent(digests, CONCURRENCY, async (digest, place) => {
    const all = await Promise.all(repositories.map((one) => entriesOf(registries, { ...one, digest })))
    const source = repositories.findIndex((_, index) => all[index] !== undefined)
    found[place] = all[source] ?? []
    for (const [index, into] of repositories.entries()) {
      const from = repositories.find((one, other) => all[other] !== undefined && one.registry === into.registry)
      const isThere =
        all[index] !== undefined || (from !== undefined && (await copyManifest(registries, digest, { from, into })))
      if (!isThere) missing.push(`${formatReference(into)} doesn't have ${digest}`)
    }
    if (source >= 0 && all[source]?.length === 0) missing.push(`${digest} is no image of a platform`)
  })
  if (missing.length === 0) return found.flat()
  throw new UserError(
    `Input "digests": ${missing.sort().join('; ')}. Nothing was tagged.`,
    'Push each image into every repository of `images` first, by its digest: `outputs: type=image,push-by-digest=true,push=true`.',
  )
}

function checkPlatforms(entries: readonly PlatformEntry[]): void {
  const seen = new Map<string, string>()
  for (const { platform, digest, details } of entries.filter(hasPlatform)) {
    const version = details?.['os.version']
    const key = `${formatPlatform(platform)}${typeof version === 'string' ? ` ${version}` : ''}`
    const other = seen.get(key)
    if (other !== undefined && other !== digest)
      throw new UserError(
        `Input "digests": ${other} and ${digest} are both for ${key}. Nothing was tagged.`,
        'Leave out one of them: an index has one image for each platform.',
      )
    seen.set(key, digest)
  }
}
