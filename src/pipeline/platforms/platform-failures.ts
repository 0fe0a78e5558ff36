import { describe, UserError } from '../../errors.js'
import { formatPlatform, type Platform } from '../../lib/platform.js'

/**
 * One error for the platforms that have failed, with the place of the first. What several have failed by is told once, and
 * names none of them. Pure.
 */
export function failuresOf(failures: ReadonlyMap<Platform, unknown>): Error {
  const errors = [...new Set(failures.values())].map((error) => {
    const platforms = [...failures].filter(([, one]) => one === error).map(([platform]) => formatPlatform(platform))
    return platforms.length > 1 && error instanceof Error ? error : namedError(platforms.join(', '), error)
  })
  const [first] = errors
  if (first === undefined) throw new Error('nothing has failed')
  const last = errors.at(-1)
  if (first === last || !(first instanceof UserError) || !(last instanceof UserError)) return first
  // What lies behind the last follows its message anyhow, so that each has its own behind it.
  const messages = [...errors.slice(0, -1).map(describe), last.message]
  return new UserError(messages.join('\n'), last.hint, { cause: last.cause, place: first.place })
}

/** An error that says of which of several builds it is, and in which line. Pure. */
export function namedError(name: string, error: unknown): Error {
  if (error instanceof UserError)
    return new UserError(`${name}: ${messageOf(error)}`, error.hint, { cause: error.cause, place: error.place })
  return new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
}

/** With the line: of several errors in one, the runner shows the place of the first alone. */
function messageOf({ message, place }: UserError): string {
  return place === undefined || message.startsWith('Dockerfile line ')
    ? message
    : `Dockerfile line ${place.line}: ${message}`
}
