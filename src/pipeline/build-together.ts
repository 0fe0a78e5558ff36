import type { ResolvedEngine } from '../engine/engine.js'
import { asReady } from '../engine/ready.js'
import { digestsIn } from './built-index.js'
import { tagged } from './destination.js'
import type { Wanted } from './engine.js'
import { makeImage } from './make-image.js'
import type { PipelineContext } from './pipeline-context.js'
import type { Made } from './result.js'
import { withCache } from './start-cache.js'

/** Images of several platforms by a builder that makes them all, and their index, in one build. */
export async function buildTogether(wanted: Wanted, engine: ResolvedEngine, pipeline: PipelineContext): Promise<Made> {
  const destination = tagged(wanted.metadata.references)
  const made = await withCache(wanted, pipeline, (cache) =>
    makeImage(
      wanted,
      { cache, findEngine: () => Promise.resolve(asReady(engine)), destination, tellsChecks: true },
      pipeline,
    ),
  )
  // An index has no configuration, by which an image is known.
  return { ...made, imageId: '', platforms: [], ...(await digestsIn(made.pushed, pipeline)) }
}
