import { UserError } from '../../errors.js'
import { formatPlatform, nativePlatform, type Platform } from '../../lib/platform.js'
import { info } from '../../log.js'
import type { Context } from '../../runner/context.js'
import type { Inputs } from '../../runner/inputs.js'
import { isOwn } from '../../runner/platform-inputs.js'

/** What of a list of platforms this step builds: other runners of the same run build the others. */
export interface Leg {
  /** In the order of the input. */
  readonly all: readonly Platform[]
  /** Those that this runner runs by itself. */
  readonly own: readonly Platform[]
}

const WITHOUT =
  'Push each platform by its digest (`outputs: type=image,push-by-digest=true,push=true`), and join them in a job that follows, with the input `digests`.'

/**
 * The leg that this runner is; undefined where nothing is distributed.
 * @throws UserError where it can't be one
 */
export function legOf({ distribute, platforms, push }: Inputs, context: Context): Leg | undefined {
  if (!distribute) return undefined
  if (platforms.length === 0)
    throw new UserError(
      'Input "distribute": got true, but "platforms" is empty.',
      'Write all platforms that the runners of the matrix build: `platforms: linux/amd64,linux/arm64`.',
    )
  const own = platforms.filter((one) => isOwn(one))
  const native = formatPlatform(nativePlatform())
  if (own.length === 0)
    throw new UserError(
      `Input "platforms": none of ${namesOf(platforms)} runs on this runner, which is ${native}.`,
      `Take the runner out of the matrix, or add ${native} to \`platforms\`.`,
    )
  if (push) checkService(context)
  const others = platforms.filter((one) => !own.includes(one))
  const rest = others.length === 0 ? 'which is all' : `other runners of this run have to build ${namesOf(others)}`
  info(`Distribute: this runner builds ${namesOf(own)}; ${rest}`)
  return { all: platforms, own }
}

export function namesOf(platforms: readonly Platform[]): string {
  return platforms.map(formatPlatform).join(' and ')
}

function checkService({ cacheService, cacheMode }: Context): void {
  if (cacheService === undefined)
    throw new UserError(
      'Input "distribute": the runners meet in the cache service of GitHub Actions, and this runner offers none.',
      WITHOUT,
    )
  if (cacheMode === undefined || cacheMode === 'write') return
  throw new UserError(
    `Input "distribute": the runners meet in the cache service, and the \`cache-mode\` of this job is ${cacheMode}.`,
    `Write \`cache-mode: write\` for the job. Or: ${WITHOUT}`,
  )
}
