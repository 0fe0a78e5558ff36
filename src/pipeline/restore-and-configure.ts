import type { BuildSpec, Engine } from '../engine/engine.js'
import { privateRoot } from '../engine/work-dir.js'
import type { PipelineContext } from './pipeline-context.js'
import type { Prepared } from './prepared.js'
import { type RestoredCache, restoreCache } from './restore-cache.js'

/** Sets the engine up while layers come back, where it is known before what root they come back to. */
export async function restoreAndConfigure(
  spec: BuildSpec,
  prepared: Prepared,
  pipeline: PipelineContext,
): Promise<{ readonly restored: RestoredCache; readonly configured: Engine }> {
  const { engine, cache } = prepared
  // As root, Buildah is told there which network to take, and what comes back clears the root.
  const isKnown = cache.plan.directory === undefined && engine.engine.rootless
  const configuring = isKnown ? engine.configure(privateRoot(pipeline.workDir.path)) : undefined
  // Thrown below, when nothing comes back any more.
  configuring?.catch(() => undefined)
  const restored = await restore(spec, prepared, pipeline).catch(async (error: unknown) => {
    await (await configuring)?.close()
    throw error
  })
  return { restored, configured: await (configuring ?? engine.configure(restored.warm.root)) }
}

async function restore(
  spec: BuildSpec,
  { engine, cache, copied }: Prepared,
  { timeline, workDir }: PipelineContext,
): Promise<RestoredCache> {
  const building = { ...spec, copied: await copied }
  const [restored] = await Promise.all([
    timeline.during('restore', () => restoreCache(cache, building, engine.store, workDir.path)),
    cache.plan.writesLayers ? engine.prewarm() : undefined,
  ])
  return restored
}
