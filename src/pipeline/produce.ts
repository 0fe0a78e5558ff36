import type { BuildSpec, Engine } from '../engine/engine.js'
import { withRequests } from '../report/cache-stats.js'
import type { Comparison } from '../up-to-date/check.js'
import type { Built, Pusher } from './build.js'
import { buildImage } from './build-image.js'
import type { Destination } from './destination.js'
import { login } from './login.js'
import { type PipelineContext, registriesOnDemand } from './pipeline-context.js'
import type { StagesOnDemand } from './built-stages.js'
import { type Coming, type RestoredCache, restoreFor } from './restore-cache.js'
import type { ImageResult } from './result.js'
import { verifyingPushes } from './verified-push.js'

/** The same, with what becomes of the image. */
export interface Prepared extends Coming {
  /** Undefined where nothing is compared, and so nothing is remembered. */
  readonly comparison: Comparison | undefined
  readonly destination: Destination
  /** Stages that several builds have in common; absent where there are none. */
  readonly stages?: StagesOnDemand | undefined
}

/** Restores the cache, builds, pushes and saves, remembers the build, and hands the image out. */
export async function produce(
  asked: BuildSpec,
  prepared: Prepared,
  pipeline: PipelineContext,
): Promise<Omit<ImageResult, 'built'>> {
  const { inputs } = asked
  const coming = prepared.stages?.()
  // What became of it is asked for below.
  coming?.catch(() => undefined)
  const restored = await restoreFor(asked, prepared, pipeline)
  const stages = await coming
  const spec = stages === undefined ? asked : { ...asked, built: stages }
  const registries = registriesOnDemand(pipeline)
  const configured = await prepared.engine.configure(restored.warm.root, stages?.root)
  const engine = verifyingPushes(configured, registries.open)
  try {
    const tryPush: Parameters<typeof login>[2] = async (reference) => (await registries.open()).tryPush(reference)
    await login(spec, { engine, ...prepared.engine.traits, ...pipeline.credentials }, tryPush)
    const push: Pusher['push'] = (by, image) => prepared.destination.push(by, image, registries)
    const { comparison } = prepared
    const { store } = prepared.engine
    const built = await buildImage(engine, spec, restored, {
      store,
      comparison,
      stages,
      pipeline: { ...pipeline, push },
    })
    const imageNames = async () => new Set([...(await engine.imageNames()), ...((await stages?.imageNames()) ?? [])])
    await remember({ ...built, imageNames }, restored, prepared)
    const cache = withRequests(built.cache, restored.cache.requests())
    await engine.writeOutputs(built.image, inputs)
    if (inputs.load) await engine.load(built.image)
    const { image, pushed, steps } = built
    return { imageId: image.id, size: image.size, engine, pushed, steps, cache, storageConf: engine.storageConf }
  } finally {
    await engine.close()
    await registries.close()
  }
}

/** Leaves word of what was built for later runs. */
async function remember(
  { image, ...built }: Built & Pick<Engine, 'imageNames'>,
  { warm, access, keys }: RestoredCache,
  { comparison, engine: { store } }: Prepared,
): Promise<void> {
  const blobs = store.kind === 'blobs' ? { root: warm.root, layout: store.layout, isKept: access.write } : undefined
  await comparison?.remember({ ...built, imageId: image.id, bases: image.bases, keys, blobs })
}
