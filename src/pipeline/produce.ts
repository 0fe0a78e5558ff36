import type { BuildSpec, Engine } from '../engine/engine.js'
import { withRequests } from '../report/cache-stats.js'
import type { Built, Pusher } from './build.js'
import { buildImage } from './build-image.js'
import { fillStorage, type Prepared } from './fill-storage.js'
import { login } from './login.js'
import { type PipelineContext, registriesOnDemand } from './pipeline-context.js'
import type { RestoredCache } from './restore-cache.js'
import type { ImageResult } from './result.js'
import { verifyingPushes } from './verified-push.js'

/** Restores the cache, builds, pushes and saves, remembers the build, and hands the image out. */
export async function produce(
  spec: BuildSpec,
  prepared: Prepared,
  pipeline: PipelineContext,
): Promise<Omit<ImageResult, 'built'>> {
  const { inputs } = spec
  const registries = registriesOnDemand(pipeline)
  const restored = await fillStorage(spec, prepared, pipeline, registries)
  const engine = verifyingPushes(await prepared.engine.configure(restored.warm.root), registries.open)
  try {
    const tryPush: Parameters<typeof login>[2] = async (reference) => (await registries.open()).tryPush(reference)
    await login(spec, { engine, ...prepared.engine.traits, ...pipeline.credentials }, tryPush)
    const push: Pusher['push'] = (by, image) => prepared.destination.push(by, image, registries)
    const { comparison } = prepared
    const { store } = prepared.engine
    const built = await buildImage(engine, spec, restored, { store, comparison, pipeline: { ...pipeline, push } })
    await remember(built, engine, restored, prepared)
    const cache = withRequests(built.cache, restored.cache.requests())
    await engine.writeOutputs(built.image, inputs)
    if (inputs.load) await engine.load(built.image)
    const { image, pushed, steps } = built
    // Other programs need every layer whole.
    const storageConf = restored.warm.skeletons() === undefined ? engine.storageConf : ''
    return { imageId: image.id, size: image.size, engine, pushed, steps, cache, storageConf }
  } finally {
    await engine.close()
    await registries.close()
  }
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
