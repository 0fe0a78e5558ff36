import { UserError } from '../../../errors.js'
import { isObject, listOf, objectOf, parseObject, textsOf } from '../../../lib/json.js'
import { formatReference, parseReference, type Reference, repositoryOf } from '../../../metadata/reference.js'
import type { Image } from '../../engine.js'
import type { CompressedLayer } from '../../upload-proxy.js'
import { runBuildah } from '../command.js'
import { imageNames } from './images.js'
import { inspectAllArgs } from '../registries/registry-args.js'
import type { BuildahSetup } from '../setup.js'

/** The layers of an image, as its storage knows them. */
export interface StoredLayers {
  /** `sha256:…` of their tar archives, the lowest first. */
  readonly diffIds: readonly string[]
  /** Those of other images that came compressed. */
  readonly pulled: readonly CompressedLayer[]
}

/**
 * The layers of an image, and how those of the images lie in registries that were pulled: Buildah before 1.34 asks a
 * registry that it doesn't know for what it has pulled by its uncompressed digest alone, and compresses it anew.
 */
export async function storedLayers(image: Image, setup: BuildahSetup): Promise<StoredLayers> {
  const inspect = async (name: string) => parseObject((await runBuildah(setup, inspectAllArgs(name, setup), {})).stdout)
  const own = new Set(image.references.map(formatReference))
  const others = [...(await imageNames(setup))].filter((name) => !own.has(name))
  const [inspected, ...pulled] = await Promise.all([
    inspect(image.id),
    // Without it they are sent once more, which is all.
    ...others.map(async (name) => pulledIn(await inspect(name).catch(() => ({})), name)),
  ])
  return { diffIds: diffIdsIn(inspected), pulled: pulled.flat() }
}

/**
 * Those layers that a manifest names compressed. Pure.
 * @param diffIds of all its layers; none of them are known where these are others
 */
export function compressedLayers(
  manifest: Readonly<Record<string, unknown>>,
  diffIds: readonly string[],
  repository: Reference,
): CompressedLayer[] {
  const layers = listOf(manifest['layers']).map(objectOf)
  if (layers.length !== diffIds.length) return []
  return layers.flatMap(({ mediaType, digest, size }, index) => {
    const [, compression] = /[.+](gzip|zstd)$/.exec(String(mediaType)) ?? []
    const diffId = diffIds[index]
    if (diffId === undefined || typeof digest !== 'string' || typeof size !== 'number') return []
    if (compression !== 'gzip' && compression !== 'zstd') return []
    return [{ diffId, compression, digest, size, repositories: [repository] }]
  })
}

/** The same of what `buildah inspect` prints. */
function pulledIn(inspected: unknown, name: string): CompressedLayer[] {
  const repository = repositoryIn(name)
  const manifest = parseObject(String(objectOf(inspected)['Manifest']))
  return repository === undefined ? [] : compressedLayers(manifest, diffIdsIn(inspected), repository)
}

function diffIdsIn(inspected: unknown): string[] {
  const { rootfs } = parseObject(String(objectOf(inspected)['Config']))
  return isObject(rootfs) ? textsOf(rootfs['diff_ids']) : []
}

/** Undefined for a name that isn't one of a registry. */
function repositoryIn(name: string): Reference | undefined {
  try {
    return repositoryOf(parseReference(name))
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}
