import type { ResolvedEngine } from '../../engine/engine.js'
import { mapConcurrent } from '../../lib/concurrency.js'
import { formatPlatform, type Platform } from '../../lib/platform.js'
import { withPrefix } from '../../log.js'
import { isForeign } from '../../runner/platform-inputs.js'
import { hasEmulatedSteps } from './emulated-steps.js'
import type { Wanted } from '../engine.js'
import { failuresOf } from './platform-failures.js'

/** Builds that need no emulator, side by side: more would share the same processors. */
const AT_ONCE = 2

/**
 * Makes the image of each platform, in an order in which none waits long for nothing.
 * @throws UserError that names each platform that has failed, when all that was begun has ended
 */
export async function makeEach<T>(
  wanted: Wanted,
  engine: Pick<ResolvedEngine, 'emulates'>,
  make: (platform: Platform) => Promise<T>,
): Promise<T[]> {
  const { platforms } = wanted.inputs
  const isEmulated = (platform: Platform) => hasEmulatedSteps(wanted, platform, engine)
  const made = new Map<Platform, T>()
  const failures = new Map<Platform, unknown>()
  for (const { platforms: group, atOnce } of schedule(platforms, isEmulated)) {
    if (failures.size > 0) break
    await mapConcurrent(group, atOnce, async (platform) => {
      try {
        made.set(platform, await withPrefix(formatPlatform(platform), () => make(platform)))
      } catch (error) {
        failures.set(platform, error)
        throw error
      }
    }).catch(() => undefined)
  }
  if (failures.size > 0) throw failuresOf(failures)
  return [...made].sort(([one], [other]) => platforms.indexOf(one) - platforms.indexOf(other)).map(([, image]) => image)
}

/** Platforms that are built at the same time. */
export interface Group {
  readonly platforms: readonly Platform[]
  readonly atOnce: number
}

/**
 * Which platforms are built when: first those that need no emulator, the machine's own before others; then the others, each
 * alone, since one takes all processors. Pure.
 */
export function schedule(platforms: readonly Platform[], isEmulated: (platform: Platform) => boolean): Group[] {
  const quick = platforms.filter((one) => !isEmulated(one))
  const ordered = [...quick.filter((one) => !isForeign(one)), ...quick.filter(isForeign)]
  return [
    { platforms: ordered, atOnce: AT_ONCE },
    { platforms: platforms.filter(isEmulated), atOnce: 1 },
  ].filter((group) => group.platforms.length > 0)
}
