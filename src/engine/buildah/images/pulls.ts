import { type Clock, systemClock } from '../../../lib/clock.js'
import { UserError } from '../../../errors.js'
import { withProgress } from '../../../lib/progress.js'
import { formatLimit, startLimit } from '../../../lib/time-limit.js'
import { info } from '../../../log.js'
import { mapConcurrent } from '../../../lib/concurrency.js'
import { endProcessTree, followMarked } from '../../../lib/process-tree.js'
import { type BuildahSetup, withEnv } from '../setup.js'
import { pullArgs } from '../registries/registry-args.js'
import { runBuildah } from '../command.js'
import type { BaseImage } from '../../engine.js'

/** Images that couldn't be pulled, each with its error. */
export type FailedPulls = ReadonlyMap<string, unknown>

const CONCURRENCY = 3
/** A registry that sends a byte now and then would otherwise hold the job for six hours. */
const MAX_MS = 60 * 60_000
const KILL_GRACE_MS = 2000
/**
 * Pulls the images that a build needs, with the login, so that the build itself can do without it. One that can't be
 * pulled is no error yet: the storage may have it, or the build may not need it.
 * @param always pulls also what the registry has no newer image of
 * @throws UserError when all of them together take too long
 */
export async function pullImages(
  images: readonly BaseImage[],
  always: boolean,
  setup: BuildahSetup,
  clock: Clock = systemClock,
): Promise<FailedPulls> {
  const failed = new Map<string, unknown>()
  await withinLimit(clock, setup, async (marked) => {
    await mapConcurrent(images, CONCURRENCY, async (image) => {
      await pullOne(image, always, marked).catch((error: unknown) => failed.set(image.name, error))
    })
  })
  return failed
}

/**
 * Pulls, and ends what pulls when the limit is over.
 * @param pull gets the setup that its programs are to be run with
 * @throws UserError when the limit is over
 */
export async function withinLimit(
  clock: Clock,
  setup: BuildahSetup,
  pull: (setup: BuildahSetup) => Promise<void>,
): Promise<void> {
  const processTree = followMarked()
  const late = () =>
    new UserError(
      `Base images were not pulled within the limit of ${formatLimit(MAX_MS)}.`,
      'Check the registry: it may be unreachable, or limit the rate of pulls.',
    )
  const limit = startLimit(MAX_MS, late, () => endProcessTree(processTree, KILL_GRACE_MS), clock)
  try {
    await limit.within(pull(withEnv(setup, processTree.mark)))
  } finally {
    limit.close()
    if (!limit.isOver()) processTree.close()
  }
}

/** Pulls one image, and says how long that took. */
export async function pullOne(image: BaseImage, always: boolean, setup: BuildahSetup): Promise<void> {
  const what = `Pull of ${image.name}${image.platform === undefined ? '' : ` for ${image.platform}`}`
  const begun = Date.now()
  await withProgress(
    (seconds) => `${what}: ${Math.round(seconds)} s so far`,
    () => runBuildah(setup, pullArgs(image, always, setup), {}),
  )
  info(`${what}: ${((Date.now() - begun) / 1000).toFixed(1)} s`)
}
