import { packageUrl } from '../../attestation/package-url.js'
import type { Dependency } from '../../attestation/provenance.js'
import type { BuildSpec, ResolvedEngine } from '../../engine/engine.js'
import { formatPlatform, nativePlatform } from '../../lib/platform.js'
import { formatReference, type Reference } from '../../metadata/reference.js'
import { baseImages } from '../prepare/base-images.js'

/**
 * The base images that a build has used, by the digests of its storage. One that the storage doesn't have wasn't used.
 * @param digests of the images in the storage, by their full names
 */
export async function baseDependencies(
  { inputs, source }: Pick<BuildSpec, 'inputs' | 'source'>,
  { env, resolveNames }: Pick<ResolvedEngine, 'env' | 'resolveNames'>,
  digests: ReadonlyMap<string, string>,
): Promise<Dependency[]> {
  const images = baseImages(inputs, source, env)
  const { candidates } = await resolveNames(images.map(({ name }) => name))
  return images.flatMap(({ name, platform = formatPlatform(nativePlatform()) }) => {
    const named = candidates.get(name) ?? []
    const found = 'why' in named ? undefined : named.map((one) => one.name).find((one) => isUsed(one, digests))
    if (found === undefined) return []
    // Of an image that is needed for two platforms, the storage has the last one under the name.
    const isOne = images.filter((image) => image.name === name).length === 1
    const digest = found.digest ?? (isOne ? digests.get(formatReference(found)) : undefined)
    return [{ uri: packageUrl(found, platform), ...(digest !== undefined && { digest: digestSet(digest) }) }]
  })
}

function isUsed(name: Reference, digests: ReadonlyMap<string, string>): boolean {
  return (digests.get(formatReference(name)) ?? '') !== ''
}

function digestSet(digest: string): Readonly<Record<string, string>> {
  const [algorithm = '', hex = ''] = digest.split(':')
  return { [algorithm]: hex }
}
