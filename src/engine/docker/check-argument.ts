import coerce from 'semver/functions/coerce.js'
import lt from 'semver/functions/lt.js'
import { CHECK_ARGUMENT, parseCheckOptions } from '../../dockerfile/check-directives.js'
import type { Inputs } from '../../runner/inputs.js'
import { type Docker, NO_VERSION } from './builder.js'

/** The first BuildKit that prints what its checks find. */
const SINCE = '0.14.0'

/** Whether a builder checks Dockerfiles by itself. What isn't known to be old is taken for new. Pure. */
export function printsChecks({ buildkit }: Pick<Docker, 'buildkit'>): boolean {
  const known = buildkit === NO_VERSION ? null : coerce(buildkit)
  return known === null || !lt(known, SINCE)
}

/**
 * The build argument by which BuildKit's own checks do what the input `checks` says; undefined where they do by
 * themselves, or where the user has written it. It takes the place of what the Dockerfile says. Pure.
 * @param directive the text of `# check=…`, '' where there is none
 */
export function checkArgument(
  { checks, buildArgs }: Pick<Inputs, 'checks' | 'buildArgs'>,
  directive: string,
): string | undefined {
  if (checks === 'warn' || buildArgs.some(({ name }) => name === CHECK_ARGUMENT)) return undefined
  if (checks === 'off') return `${CHECK_ARGUMENT}=skip=all`
  const skips = [...parseCheckOptions(directive).skips]
  const skip = skips.length === 0 ? [] : [`skip=${skips.join(',')}`]
  return `${CHECK_ARGUMENT}=${[...skip, 'error=true'].join(';')}`
}
