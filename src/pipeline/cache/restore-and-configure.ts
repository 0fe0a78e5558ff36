import type { BuildSpec, Engine } from '../../engine/engine.js'
import { privateRoot } from '../../engine/work-dir.js'
import type { StagesOnDemand } from '../build/built-stages.js'
import type { PipelineContext, RegistriesOnDemand } from '../pipeline-context.js'
import type { Prepared } from '../build/prepared.js'
import { type RestoredCache, restoreFor } from './restore-cache.js'
import { termsOnDemand } from './terms-on-demand.js'

/** An engine that is set up, with what has come back for it. */
interface Configured {
  readonly restored: RestoredCache
  /** Undefined where several builds have none in common. */
  readonly stages: Awaited<ReturnType<StagesOnDemand>> | undefined
  readonly configured: Engine
}

/** Sets the engine up while layers come back, where it is known before which storage roots it builds with. */
export async function restoreAndConfigure(
  spec: BuildSpec,
  prepared: Prepared,
  pipeline: PipelineContext,
  registries: RegistriesOnDemand,
): Promise<Configured> {
  const { engine, cache } = prepared
  const coming = prepared.stages?.()
  // What became of it is asked for below.
  coming?.catch(() => undefined)
  // As root, Buildah is told in the root which network to take, and what comes back clears the root.
  const isKnown = coming === undefined && cache.plan.directory === undefined && engine.engine.rootless
  const configuring = isKnown ? engine.configure(privateRoot(pipeline.workDir.path)) : undefined
  configuring?.catch(() => undefined)
  const terms = termsOnDemand(spec, prepared, pipeline, registries)
  const restored = await restoreFor({ ...spec, terms }, prepared, pipeline).catch(async (error: unknown) => {
    await (await configuring)?.close()
    throw error
  })
  const stages = await coming
  return { restored, stages, configured: await (configuring ?? engine.configure(restored.warm.root, stages?.root)) }
}
