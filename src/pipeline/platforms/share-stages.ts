import type { ResolvedEngine } from '../../engine/engine.js'
import { info, withPrefix } from '../../log.js'
import type { ReadyStages, StagesOnDemand } from '../build/built-stages.js'
import type { Wanted } from '../engine.js'
import { makeStages } from './make-stages.js'
import type { PipelineContext } from '../pipeline-context.js'
import { namedError } from './platform-failures.js'
import type { StagesResult } from '../result.js'
import { findStagesJob } from './stages-job.js'

/**
 * Does what makes the images of all platforms, with the stages that they share. These are built when an image needs them,
 * and let go when all that is done has ended.
 */
export async function withSharedStages<T>(
  wanted: Wanted,
  engine: ResolvedEngine,
  pipeline: PipelineContext,
  work: (stages: StagesOnDemand | undefined) => Promise<T>,
): Promise<{ readonly value: T; readonly stages: StagesResult | undefined }> {
  const job = findStagesJob(wanted, engine)
  if (job === undefined) return { value: await work(undefined), stages: undefined }
  info(`Stages: ${job.label} is built once, since nothing in it depends on the platform`)
  const ready = later<ReadyStages | undefined>()
  const over = later<undefined>()
  let making: Promise<StagesResult | undefined> | undefined
  const make = async () => {
    try {
      return await withPrefix(job.label, () =>
        makeStages(job, pipeline, async (stages) => {
          ready.resolve(stages)
          await over.promise
        }),
      )
    } catch (error) {
      ready.reject(namedError(job.label, error))
      return undefined
    }
  }
  const stages = () => {
    making ??= make()
    return ready.promise
  }
  try {
    const value = await work(stages)
    over.resolve(undefined)
    return { value, stages: await making }
  } finally {
    over.resolve(undefined)
    await making
  }
}

/** A promise that is settled from outside; settled once more, it stays. */
function later<T>() {
  let [resolve, reject]: [(value: T) => void, (error: unknown) => void] = [() => undefined, () => undefined]
  const promise = new Promise<T>((one, other) => {
    ;[resolve, reject] = [one, other]
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
