import { UserError } from '../../errors.js'
import { formatPlatform } from '../../lib/platform.js'
import { imageIndex } from '../../registry/image-index.js'
import { type PlatformEntry, platformOf } from '../../registry/index-entries.js'
import type { Inputs } from '../../runner/inputs.js'
import { repositoriesOf } from '../push/destination.js'
import { findDigests } from './found-digests.js'
import { putIndexes } from '../push/image-index.js'
import type { Metadata } from '../prepare/metadata.js'
import { annotationsAt } from '../prepare/annotations.js'
import { openRegistries, type PipelineContext } from '../pipeline-context.js'
import { joinedResult, type Made } from '../result.js'

/**
 * Makes one index of manifests that are in the registry already, and puts it under every reference. Nothing is built.
 * @throws UserError for a digest that isn't there, before anything is tagged
 */
export async function joinDigests(
  { inputs, metadata }: { readonly inputs: Inputs; readonly metadata: Metadata },
  pipeline: Pick<PipelineContext, 'context' | 'credentials' | 'services'>,
): Promise<Made> {
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
    const entries = await findDigests(digests, repositories, registries)
    checkPlatforms(entries)
    const index = imageIndex(entries, annotationsAt(metadata, 'index').annotations)
    const put = push ? await putIndexes(references, () => Promise.resolve(index), registries) : { pushed: [] }
    const images = entries.filter(hasPlatform).map((one) => ({ platform: platformOf(one), digest: one.digest }))
    return joinedResult(put, metadata, images)
  } finally {
    registries.close()
  }
}

/** What of an index isn't an attestation or the like. */
function hasPlatform({ platform }: PlatformEntry): boolean {
  return platform.os !== 'unknown'
}

function checkPlatforms(entries: readonly PlatformEntry[]): void {
  const seen = new Map<string, string>()
  for (const entry of entries.filter(hasPlatform)) {
    const { digest, details } = entry
    const version = details?.['os.version']
    const key = `${formatPlatform(platformOf(entry))}${typeof version === 'string' ? ` ${version}` : ''}`
    const other = seen.get(key)
    if (other !== undefined && other !== digest)
      throw new UserError(
        `Input "digests": ${other} and ${digest} are both for ${key}. Nothing was tagged.`,
        'Leave out one of them: an index has one image for each platform.',
      )
    seen.set(key, digest)
  }
}
