import { describe, UserError } from '../errors.js'
import { formatPlatform, type Platform } from '../lib/platform.js'

/** One error for the platforms that have failed, with the place of the first. Pure. */
export function failuresOf(failures: ReadonlyMap<Platform, unknown>): Error {
  const [first, ...others] = [...failures].map(([platform, error]) => named(platform, error))
  if (first === undefined) throw new Error('nothing has failed')
  if (others.length === 0) return first
  const { cause, place, hint } =
    first instanceof UserError ? first : { cause: first.cause, place: undefined, hint: undefined }
  const messages = [first.message, ...others.map((other) => describe(other))]
  return new UserError(messages.join('\n'), hint, { cause, place })
}

function named(platform: Platform, error: unknown): Error {
  const name = formatPlatform(platform)
  if (error instanceof UserError) {
    const { message, hint, cause, place } = error
    return new UserError(`${name}: ${message}`, hint, { cause, place })
  }
  return new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
}
