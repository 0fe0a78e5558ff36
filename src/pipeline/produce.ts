import type { BuildSpec, Engine } from '../engine/engine.js'
import { withRequests } from '../report/cache-stats.js'
import type { Built } from './build.js'
import { buildImage } from './build-image.js'
import { login } from './login.js'
import { type PipelineContext, registriesOnDemand } from './pipeline-context.js'
import { preparePush } from './prepare-push.js'
import type { Prepared } from './prepared.js'
import { type RestoredCache, restoreCache } from './restore-cache.js'
import type { ImageResult } from './result.js'
import { verifyingPushes } from './verified-push.js'

/** Restores the cache, builds, pushes and saves, remembers the build, and hands the image out. */
export async function produce(
  spec: BuildSpec,
  prepared: Prepared,
  pipeline: PipelineContext,
): Promise<Omit<ImageResult, 'built'>> {
  const { inputs } = spec
  const restored = await restore(spec, prepared, pipeline)
  const registries = registriesOnDemand(pipeline)
  const engine = verifyingPushes(await prepared.engine.configure(restored.warm.root), registries.open)
  try {
    const tryPush: Parameters<typeof login>[2] = async (reference) => (await registries.open()).tryPush(reference)
    await login(spec, { engine, ...prepared.engine.traits, ...pipeline.credentials }, tryPush)
    const prepare = await preparePush({ spec, engine, prepared }, registries, pipeline)
    const { comparison } = prepared
    const { store } = prepared.engine
    const built = await buildImage(engine, spec, restored, { store, comparison, pipeline: { ...pipeline, prepare } })
    await remember(built, engine, restored, prepared)
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

/** Leaves word of what was built for later runs. */
async function remember(
  { image, ...built }: Built,
  engine: Engine,
  { warm, access, keys }: RestoredCache,
  { comparison, engine: { store } }: Prepared,
): Promise<void> {
  const blobs = store.kind === 'blobs' ? { root: warm.root, layout: store.layout, isKept: access.write } : undefined
  const imageNames = () => engine.imageNames()
  await comparison?.remember({ ...built, imageId: image.id, bases: image.bases, keys, blobs, imageNames })
}
