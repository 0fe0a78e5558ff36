import type { FoundEngine } from '../../engine/engine.js'
import { asReady } from '../../engine/ready.js'
import type { Watch } from '../../up-to-date/watch.js'
import type { Destination } from '../push/destination.js'
import { specify, type Wanted } from '../engine.js'
import type { Metadata } from '../prepare/metadata.js'
import { openRegistries, type PipelineContext } from '../pipeline-context.js'
import { produce } from './produce.js'
import { settingsOnDemand } from '../prepare/read-settings.js'
import { type ImageResult, reusedResult } from '../result.js'
import { isFormatOpen, settleFormat } from '../prepare/settle-format.js'
import type { PendingCache } from '../cache/start-cache.js'

/** An image with what it is called; of an earlier run it says what that was built of. */
export interface MadeImage extends ImageResult {
  readonly metadata: Metadata
}

/** What is on its way while the engine is looked for. */
interface Watching {
  readonly cache: PendingCache
  readonly destination: Destination
  readonly stages?: Parameters<typeof produce>[1]['stages']
  /** Undefined where nothing is compared. */
  readonly watch: Watch | undefined
  /** Digests of what is copied from the context, by path. */
  readonly copied: Promise<ReadonlyMap<string, string>>
  /** Those of the base images, as this engine finds them. */
  readonly settings: ReturnType<typeof settingsOnDemand>
}

/** The image as this engine makes it, or another one, where it turns out that this one can't build here. */
export async function takeOrBuild(
  found: FoundEngine,
  wanted: Wanted,
  watching: Watching,
  pipeline: PipelineContext,
): Promise<MadeImage> {
  const { metadata } = wanted
  const { cache, destination, watch, copied, settings, stages } = watching
  const { references } = destination
  const spec = { ...specify(wanted, found), references }
  const comparison = await watch?.compare(spec, metadata.ofCommit, found, (insecure) =>
    openRegistries(pipeline, insecure),
  )
  try {
    const same = await comparison?.find()
    if (same !== undefined) return reusedResult(same, metadata, found.engine, cache.cache.requests())
    // Registries answer while it is found out how it builds here.
    if (isFormatOpen(wanted, found)) settings().catch(() => undefined)
    // How it does is of no interest before something has to be built.
    const engine = found.isReady ? await found.ready() : await pipeline.timeline.during('preflight', found.ready)
    if (engine.engine.label !== found.engine.label) {
      const others = settingsOnDemand(wanted, engine, pipeline)
      return await takeOrBuild(asReady(engine), wanted, { ...watching, settings: others }, pipeline)
    }
    const format = await settleFormat(wanted, engine, settings)
    const settled = specify({ ...wanted, format }, engine)
    const produced = await produce(
      settled,
      { engine, cache, copied, comparison, destination, metadata, stages },
      pipeline,
    )
    return { ...produced, metadata, built: true }
  } finally {
    comparison?.close()
  }
}
