import { UserError } from '../../errors.js'
import { imageIndex } from '../../registry/image-index.js'
import { platformOf } from '../../registry/index-entries.js'
import type { Inputs } from '../../runner/inputs.js'
import { tellIndex } from '../dry-run.js'
import { repositoriesOf } from '../push/destination.js'
import { findDigests, hasPlatform } from './found-digests.js'
import { putIndexes, withOwn } from '../push/image-index.js'
import type { Metadata } from '../prepare/metadata.js'
import { annotationsAt } from '../prepare/annotations.js'
import { openRegistries, type PipelineContext } from '../pipeline-context.js'
import { joinedResult, type Made } from '../result.js'

/**
 * Makes one index of manifests that are in the registry already, and puts it under every reference. Nothing is built,
 * and without `push` or in a dry run nothing written.
 * @throws UserError for a digest that isn't there, before anything is tagged
 */
export async function joinDigests(
  { inputs, metadata }: { readonly inputs: Inputs; readonly metadata: Metadata },
  pipeline: Pick<PipelineContext, 'context' | 'credentials' | 'services'>,
): Promise<Made> {
  const { digests, dryRun } = inputs
  const writes = inputs.push && !dryRun
  const { references } = metadata
  const repositories = references.length > 0 ? repositoriesOf(references) : metadata.repositories
  if (repositories.length === 0)
    throw new UserError(
      'Input "digests": there is no repository to look for them in.',
      'Write the repository of the image: `images: ghcr.io/acme/web`.',
    )
  const registries = await openRegistries(pipeline)
  try {
    const entries = await findDigests(digests, { repositories, registries, writes })
    const index = imageIndex(
      entries.map((entry) => withOwn(entry, annotationsAt(metadata, 'manifest-descriptor', platformOf(entry)))),
      annotationsAt(metadata, 'index').annotations,
    )
    const put = writes ? await putIndexes(references, () => Promise.resolve(index), registries) : { pushed: [] }
    const images = entries.filter(hasPlatform).map((one) => ({ platform: platformOf(one), digest: one.digest }))
    if (dryRun) tellIndex(index, images, metadata)
    return joinedResult(put, metadata, images)
  } finally {
    registries.close()
  }
}
