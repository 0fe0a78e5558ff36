import type { BuildSpec } from '../../engine/engine.js'
import { withRequests } from '../../report/cache-stats.js'
import type { Built, Pusher } from './build.js'
import { buildImage } from './build-image.js'
import { type PipelineContext, registriesOnDemand } from '../pipeline-context.js'
import { preparePush } from '../push/prepare-push.js'
import { startAccess } from '../prepare/push-access.js'
import type { Prepared } from './prepared.js'
import { restoreAndConfigure } from '../cache/restore-and-configure.js'
import type { RestoredCache } from '../cache/restore-cache.js'
import type { ImageResult } from '../result.js'
import { verifyingPushes } from '../push/verified-push.js'

/** Restores the cache, builds, pushes and saves, remembers the build, and hands the image out. */
export async function produce(
  asked: BuildSpec,
  prepared: Prepared,
  pipeline: PipelineContext,
): Promise<Omit<ImageResult, 'built'>> {
  const { inputs } = asked
  const registries = registriesOnDemand(pipeline)
  const confirmAccess = startAccess(asked, prepared.engine, pipeline, registries)
  const { restored, stages, configured } = await restoreAndConfigure(asked, prepared, pipeline, registries)
  const spec = stages === undefined ? asked : { ...asked, built: stages }
  const engine = verifyingPushes(configured, registries.open)
  pipeline.record.add({ engine })
  try {
    await confirmAccess(engine)
    const pusher = await preparePush({ spec, engine, prepared }, registries, pipeline)
    const { comparison } = prepared
    const { store } = prepared.engine
    const leaveWord: Pusher['remember'] = async (built, saved) => {
      // What an engine has exported is looked at where it is kept.
      if (store.kind === 'blobs') await saved
      await remember(built, restored, prepared)
    }
    const built = await buildImage(engine, spec, restored, {
      store,
      comparison,
      stages,
      pipeline: { ...pipeline, ...pusher, remember: leaveWord },
    })
    const cache = withRequests(built.cache, restored.cache.requests())
    await engine.writeOutputs(built.image, inputs)
    await pusher.attachInArchives()
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
  { image, ...built }: Omit<Built, 'cache'>,
  { warm, access, keys }: RestoredCache,
  { comparison, engine: { store } }: Prepared,
): Promise<void> {
  const blobs = store.kind === 'blobs' ? { root: warm.root, layout: store.layout, isKept: access.write } : undefined
  await comparison?.remember({ ...built, imageId: image.id, bases: image.bases, keys, blobs })
}
