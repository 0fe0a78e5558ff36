import type { Pushed, ResolvedEngine } from '../../engine/engine.js'
import { asReady } from '../../engine/ready.js'
import { formatPlatform } from '../../lib/platform.js'
import type { Inputs } from '../../runner/inputs.js'
import { digestsIn } from './built-index.js'
import { tagged, untagged } from '../push/destination.js'
import type { Wanted } from '../engine.js'
import type { PushedPlatform, PutIndex } from '../push/image-index.js'
import { makeImage } from '../build/make-image.js'
import type { PipelineContext } from '../pipeline-context.js'
import type { Made } from '../result.js'
import { withCache } from '../cache/start-cache.js'

/**
 * Images of several platforms by a builder that makes them all, and their index, in one build.
 * @param put puts an index of them and of what other steps have built; they are pushed by their digests then
 */
export async function buildTogether(
  wanted: Wanted,
  engine: ResolvedEngine,
  pipeline: PipelineContext,
  put: PutIndex | undefined,
): Promise<Made> {
  const asked = put === undefined ? wanted : { ...wanted, inputs: { ...wanted.inputs, byDigest: wanted.inputs.push } }
  const destination = (put === undefined ? tagged : untagged)(wanted.metadata.references)
  const made = await withCache(asked, pipeline, (cache) =>
    makeImage(
      asked,
      { cache, findEngine: () => Promise.resolve(asReady(engine)), destination, tellsChecks: true },
      pipeline,
    ),
  )
  if (put !== undefined) {
    // What has no tag is of one platform, as far as others know.
    pipeline.record.add({ pushed: [] })
    const joined = wanted.inputs.push ? await put(await platformsOf(made.pushed, asked.inputs, pipeline)) : {}
    return { ...made, imageId: '', platforms: [], pushed: [], platformDigests: {}, ...joined }
  }
  // An index has no configuration, by which an image is known.
  return { ...made, imageId: '', platforms: [], ...(await digestsIn(made.pushed, pipeline)) }
}

/** Where the manifest of each platform is: that of a single one was pushed itself, those of several are in an index. */
async function platformsOf(
  pushed: readonly Pushed[],
  { platforms }: Pick<Inputs, 'platforms'>,
  pipeline: PipelineContext,
): Promise<PushedPlatform[]> {
  const [only, ...others] = platforms
  if (only !== undefined && others.length === 0) return [{ platform: only, pushed }]
  const { platformDigests } = await digestsIn(pushed, pipeline)
  return platforms.flatMap((platform) => {
    const digest = platformDigests[formatPlatform(platform)]
    return digest === undefined ? [] : [{ platform, pushed: pushed.map((one) => ({ ...one, digest })) }]
  })
}
