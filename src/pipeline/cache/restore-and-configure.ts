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
  const { engine } = prepared
  const coming = prepared.stages?.()
  // What became of it is asked for below.
  coming?.catch(() => undefined)
  const early = coming === undefined ? await configureEarly(prepared, pipeline) : undefined
  const dropEarly = async () => await (await early?.configuring.catch(() => undefined))?.close()
  const terms = termsOnDemand(spec, prepared, pipeline, registries)
  const restored = await restoreFor({ ...spec, terms }, prepared, pipeline).catch(async (error: unknown) => {
    await dropEarly()
    throw error
  })
  const stages = await coming
  const { root } = restored.warm
  if (early?.root === root) return { restored, stages, configured: await early.configuring }
  await dropEarly()
  return { restored, stages, configured: await engine.configure(root, stages?.root) }
}

/** Begins to set the engine up for the root that it is most likely to get; undefined where none is known. */
async function configureEarly(
  { engine, cache: { cache } }: Pick<Prepared, 'engine' | 'cache'>,
  { workDir }: Pick<PipelineContext, 'workDir'>,
): Promise<{ readonly root: string; readonly configuring: Promise<Engine> } | undefined> {
  // As root, Buildah is told in the root which network to take, and what comes back clears the root.
  if (!engine.engine.rootless) return undefined
  const root = await cache.rootFor(engine.store, privateRoot(workDir.path))
  if (root === undefined) return undefined
  const configuring = engine.configure(root)
  // What became of it is asked for when the layers are back.
  configuring.catch(() => undefined)
  return { root, configuring }
}
