import { describe, UserError } from '../errors.js'
import { formatPlatform, type Platform } from '../lib/platform.js'

/** One error for the platforms that have failed, with the place of the first. Pure. */
export function failuresOf(failures: ReadonlyMap<Platform, unknown>): Error {
  const [first, ...others] = [...failures].map(([platform, error]) => named(platform, error))
  if (first === undefined) throw new Error('nothing has failed')
  if (others.length === 0 || !(first instanceof UserError)) return first
  const messages = [first.message, ...others.map((other) => describe(other))]
  return new UserError(messages.join('\n'), first.hint, { cause: first.cause, place: first.place })
}

function named(platform: Platform, error: unknown): Error {
  const name = formatPlatform(platform)
  if (error instanceof UserError)
    return new UserError(`${name}: ${error.message}`, error.hint, { cause: error.cause, place: error.place })
  return new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
}
