import type { BuildRequest, Engine, Image, Pushed } from '../../engine/engine.js'
import type { Step } from '../../engine/progress.js'
import { info } from '../../log.js'
import type { CacheFacts, CacheReport } from '../../report/cache-stats.js'
import { BUILD, TEST } from '../../report/timeline.js'
import type { LayerCheck } from './layer-check.js'
import type { PipelineContext } from '../pipeline-context.js'
import type { RestoredCache } from '../cache/restore-cache.js'
import { countSteps, saveBesidePush, saveCache, saveSteps, type Run } from '../cache/save-cache.js'
import { clearAfter } from '../cache/clear-cache.js'
import { checkSkeletons, replaceAfter } from '../cache/skeleton-check.js'
import { testImage } from './test-image.js'

export interface Built {
  readonly image: Image
  readonly pushed: readonly Pushed[]
  readonly steps: readonly Step[]
  /** Those of the Dockerfile that were begun. */
  readonly counted: CacheFacts['steps']
  readonly cache: CacheReport
  /** Why it isn't known to be made of what was read; undefined if it is, or nobody looked. */
  readonly fault: string | undefined
}

/** What an engine is asked, and who looks at what it has built. */
export interface LayeredRequest extends Omit<BuildRequest, 'onSteps' | 'images'>, LayerCheck {
  /** The base images that the storage lacks, as it is when a build begins. */
  readonly missing: () => Promise<BuildRequest['images']>
}

/** How its image gets to its place, and what is known of it afterwards. */
export interface Pusher {
  /** Does what has to be done before anything is pushed. @returns pushes */
  readonly prepare: (engine: Engine, image: Image, steps: readonly Step[]) => Promise<() => Promise<Pushed[]>>
  /**
   * Leaves word of what was built for later runs.
   * @param saved resolves when its steps are kept
   */
  readonly remember: (built: Omit<Built, 'cache'>, saved: Promise<unknown>) => Promise<void>
}

/** Builds and pushes, and keeps the steps that were finished, also when something of it failed. */
export async function buildAndSave(
  engine: Engine,
  { review, check, missing, ...asked }: LayeredRequest,
  opened: RestoredCache,
  pipeline: Pick<PipelineContext, 'timeline' | 'services' | 'record'> & Pusher,
): Promise<Built> {
  const { timeline, services, record, prepare, remember } = pipeline
  let done: Run = { steps: [], imageId: undefined, references: asked.references, pushed: [] }
  const onSteps = (steps: readonly Step[]) => {
    done = { ...done, steps }
    record.add({ steps })
  }
  const keep = async (failed: boolean) => {
    const { report, later } = await timeline.during('save', async () => {
      if (!failed && asked.cache.write) await saveSteps(engine)
      return await saveCache(opened, done, failed)
    })
    if (later !== undefined) services.remember({ later: [later] })
    record.add({ cache: report })
    return report
  }
  let isBuilt = false
  const make = async () => {
    const hasHits = () => done.steps.some(({ hit }) => hit)
    isBuilt = false
    const { ahead } = opened.warm
    const isComplete = opened.warm.skeletons() !== undefined
    const images = await missing()
    const request = { ...asked, images, onSteps, onStepEnd: () => void ahead?.look(), isComplete }
    const image = await timeline.during(BUILD, () => buildFresh(engine, request, opened, hasHits))
    isBuilt = true
    // The push comes first now.
    ahead?.stop()
    await checkSkeletons(opened, done.steps)
    await review(done.steps, image)
    const checking = check(done.steps)
    try {
      if (asked.inputs.tests.length > 0) await timeline.during(TEST, () => testImage(engine, image, asked.inputs))
      const push = await prepare(engine, image, done.steps)
      const saveMeanwhile = () => saveBesidePush(opened, { ...done, imageId: image.id })
      const pushed = asked.inputs.push ? await timeline.during('push', () => besides(push, saveMeanwhile)) : []
      record.add({ built: true, imageId: image.id, size: image.size, pushed })
      return { image, pushed, fault: await checking }
    } finally {
      // What comes next may move the layers.
      await checking
    }
  }
  try {
    const makeWhole = () => orAgain(make, (error) => replaceAfter(error, opened, isBuilt))
    const made = await orAgain(makeWhole, (error) => clearAfter(error, opened))
    done = { ...done, imageId: made.image.id, pushed: made.pushed }
    const built = { ...made, steps: done.steps, counted: countSteps(opened, done.steps) }
    const saved = keep(false)
    await remember(built, saved)
    return { ...built, cache: await saved }
  } catch (error) {
    await keep(true)
    throw error
  }
}

/** Does something, and something else meanwhile, which is over when this is. */
async function besides<T>(work: () => Promise<T>, meanwhile: () => Promise<void>): Promise<T> {
  const other = meanwhile()
  try {
    return await work()
  } finally {
    await other
  }
}

/** Makes something, and once more where its failure can be mended. @param mend throws the error where it can't */
async function orAgain<T>(make: () => Promise<T>, mend: (error: unknown) => Promise<void>): Promise<T> {
  return await make().catch(async (error: unknown) => {
    await mend(error)
    return await make()
  })
}

/** Builds, and once more without the cache where a step of it was taken that stands on another base. */
export async function buildFresh(
  engine: Engine,
  request: BuildRequest,
  { warm }: RestoredCache,
  hasHits: () => boolean,
): Promise<Image> {
  const image = await engine.build(request)
  const renewed = hasHits() ? await warm.changedBaseImages() : []
  if (renewed.length === 0) return image
  info(
    `Cache: base image ${renewed.join(' and base image ')} changed (same layers, new configuration); rebuilding without the cache`,
  )
  return await engine.build({ ...request, inputs: { ...request.inputs, noCache: true } })
}
