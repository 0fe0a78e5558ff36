import type { Pushed } from '../../engine/engine.js'
import { RegistryError } from '../../errors.js'
import { formatPlatform } from '../../lib/platform.js'
import { repositoryOf } from '../../metadata/reference.js'
import { platformsIn } from '../../registry/image-platforms.js'
import { openRegistries, type PipelineContext } from '../pipeline-context.js'
import type { Result } from '../result.js'

/** The digests of an index that the builder has made, by its platforms. */
export async function digestsIn(
  [first]: readonly Pushed[],
  pipeline: PipelineContext,
): Promise<Pick<Result, 'platformDigests' | 'descriptor'>> {
  if (first === undefined) return { platformDigests: {} }
  const registries = await openRegistries(pipeline)
  try {
    const reference = { ...repositoryOf(first.reference), digest: first.digest }
    const [descriptor, found = []] = [await registries.resolve(reference), await platformsIn(registries, reference)]
    const digests = found.map(({ platform, digest }) => [formatPlatform(platform), digest] as const)
    return { platformDigests: Object.fromEntries(digests), ...(descriptor !== undefined && { descriptor }) }
  } catch (error) {
    // Whoever may push need not be one who may read.
    if (error instanceof RegistryError) return { platformDigests: {} }
    throw error
  } finally {
    registries.close()
  }
}
