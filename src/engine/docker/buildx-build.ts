import { mkdir, rm } from 'node:fs/promises'
import { describe } from '../../errors.js'
import { objectOf } from '../../lib/json.js'
import { warn } from '../../log.js'
import type { BuildRequest, Image } from '../engine.js'
import type { PushedManifest } from '../upload-proxy.js'
import type { BuildPlaces } from './build-places.js'
import { usedImages } from './bases.js'
import { buildLive, digestIn, followBuild, readMetadata } from './client.js'
import type { DockerSetup } from './setup.js'
import { isCacheFailure, pushFailure } from './export-failures.js'

/** What came out of the one build. */
export interface Made {
  readonly image: Image
  /** Of the manifest, as it was pushed. */
  readonly digest: unknown
  /** The same with its media type and size. */
  readonly descriptor: unknown
  readonly places: BuildPlaces
  /** Why its steps could not be kept. */
  readonly cacheFailure: string | undefined
}

/** Builds, and once more without the cache if the cache can't be read. */
export async function buildWithCache(request: BuildRequest, setup: DockerSetup, places: BuildPlaces): Promise<Made> {
  try {
    return await buildOnce(request, setup, places)
  } catch (error) {
    if (places.cacheFrom.length === 0 || !isCacheFailure(error)) throw error
    warn(`Cache: the saved steps can't be read; rebuilding without the cache. ${describe(error)}`)
    return await buildOnce(request, setup, { ...places, cacheFrom: [] })
  }
}

async function buildOnce(request: BuildRequest, setup: DockerSetup, places: BuildPlaces): Promise<Made> {
  const progress = followBuild(request)
  // Removes the results of an earlier attempt.
  await rm(places.results, { recursive: true, force: true })
  await mkdir(places.results)
  if (places.layout !== undefined) await rm(places.layout, { recursive: true, force: true })
  try {
    await buildLive(request, setup, places, progress)
  } catch (error) {
    throw pushFailure(error, request, progress, setup) ?? error
  }
  const metadata = await readMetadata(places)
  const { format, inputs, references } = request
  // Where the daemon keeps images by their manifests, the metadata doesn't tell the configuration; an index has none.
  const config = metadata['containerimage.config.digest'] ?? progress.config()
  const id = digestIn(inputs.platforms.length > 1 ? metadata['containerimage.digest'] : config, places.metadata)
  return {
    image: { id, format, references, bases: usedImages(metadata) },
    digest: metadata['containerimage.digest'],
    descriptor: metadata['containerimage.descriptor'],
    places,
    cacheFailure: progress.cacheFailure(),
  }
}

/** The manifest that a build has pushed. @throws Error where the metadata of the build doesn't tell it */
export function pushedIn({ digest, descriptor, places }: Made): PushedManifest {
  const { mediaType, size } = objectOf(descriptor)
  if (typeof mediaType !== 'string' || typeof size !== 'number')
    throw new Error(`Docker wrote no descriptor of the image into ${places.metadata}`)
  return { digest: digestIn(digest, places.metadata), mediaType, size }
}
