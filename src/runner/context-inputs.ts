import { hasPassword } from '../lib/url-logins.js'
import { type InputReader, list, type Pair, pairs, withPassword } from './input-parsers.js'

/** Reads the input `context`; by default the workspace. @throws UserError for a URL with a password in it */
export function context(read: InputReader, input: string): string {
  return withoutPassword(input, read(input).trim() || '.')
}

/** Reads the input `build-contexts`. @throws UserError for a URL with a password in it */
export function buildContexts(read: InputReader, input: string): Pair[] {
  const given = list(read, input, { commas: false })
  for (const line of given) withoutPassword(input, line.slice(line.indexOf('=') + 1).trim())
  return pairs(read, input)
}

/** A password in a URL would end up in error messages and in arguments of programs. */
function withoutPassword(input: string, value: string): string {
  if (hasPassword(value)) throw withPassword(input)
  return value
}
