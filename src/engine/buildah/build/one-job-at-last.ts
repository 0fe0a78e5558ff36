import { CommandError } from '../../../exec.js'
import { info } from '../../../log.js'
import type { BuildRequest, Image } from '../../engine.js'
import { hasDisturbedItself, jobsFor } from './jobs.js'
import type { BuildahSetup } from '../setup.js'

/** Builds, and once more with one job where stages that were built at once have disturbed one another. */
export async function withOneJobAtLast(
  build: (asked: BuildRequest) => Promise<Image>,
  request: BuildRequest,
  setup: Pick<BuildahSetup, 'buildah' | 'mode'>,
): Promise<Image> {
  try {
    return await build(request)
  } catch (error) {
    const { count } = jobsFor(request, setup)
    if (!(error instanceof CommandError) || !hasDisturbedItself(error.output, count, setup.buildah.version)) throw error
    info(
      'Jobs: stages that were built at once have disturbed one another, which Buildah below 1.44 allows; building again, one stage at a time (`jobs: 1` always does that)',
    )
    return await build({ ...request, inputs: { ...request.inputs, jobs: 1 } })
  }
}

/** Says how many stages are built at once, where some are independent. */
export function sayJobs(request: BuildRequest, setup: Pick<BuildahSetup, 'buildah' | 'mode'>): void {
  const { count, why } = jobsFor(request, setup)
  if (count > 1)
    info(`Jobs: up to ${count} stages are built at once; Buildah's own lines begin with the stage, as in [2/3]`)
  if (why !== undefined) info(`Jobs: one stage at a time with Buildah ${setup.buildah.version}: ${why}`)
}
