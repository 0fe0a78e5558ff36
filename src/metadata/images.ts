import { UserError } from '../errors.js'
import { atLine, contentOf, fieldsOf, refuseSeveral } from './csv-line.js'
import { quote } from '../lib/quote.js'
import { formatReference, lowerName, parseName, type Reference } from './reference.js'

export interface Images {
  /** The names that are enabled, each once, in their order. */
  readonly names: readonly Reference[]
  /** The same as they are written, but in lower case. */
  readonly written: readonly string[]
  /** Those that are disabled, as far as they are names. */
  readonly disabled: readonly Reference[]
  /** How many names were given, enabled or not. */
  readonly given: number
  readonly warnings: readonly string[]
}

/**
 * Reads the lines of the input `images`: a name, several with commas between, or `name=…,enable=true|false`.
 *
 * @throws UserError that names the line and what is wrong with it
 */
export function parseImages(lines: readonly string[]): Images {
  const entries = contentOf(lines).flatMap((line) => atLine('images', line, () => readLine(line)))
  const names: Reference[] = []
  const written: string[] = []
  const warnings: string[] = []
  for (const { line, name, enabled } of entries) {
    if (!enabled) continue
    const lower = lowerName(name)
    const reference = atLine('images', line, () => parseName(lower))
    if (lower !== name) warnings.push(lowered('images', name, lower))
    const twice = names.some((other) => formatReference(other) === formatReference(reference))
    if (twice) {
      warnings.push(`images: ${formatReference(reference)} appears twice`)
      continue
    }
    names.push(reference)
    written.push(lower)
  }
  const disabled = entries.filter(({ enabled }) => !enabled).flatMap(({ name }) => readDisabled(name))
  return { names, written, disabled, given: entries.length, warnings }
}

/** What is wrong with a name that is disabled is nobody's concern. */
function readDisabled(name: string): Reference[] {
  try {
    return [parseName(lowerName(name))]
  } catch (error) {
    if (error instanceof UserError) return []
    throw error
  }
}

export function lowered(input: string, name: string, lower: string): string {
  return `${input}: ${quote(name)} is changed to ${quote(lower)}, because a repository must be in lower case`
}

interface Entry {
  readonly line: string
  readonly name: string
  readonly enabled: boolean
}

function readLine(line: string): readonly Entry[] {
  const names: string[] = []
  let enabled = true
  let attributes = 0
  for (const { name, value } of fieldsOf(line)) {
    if (name !== undefined) attributes++
    if (name === undefined || name === 'name') {
      refuseSeveral('images', value)
      names.push(value)
    } else if (name !== 'enable') throw new UserError(`the attribute ${quote(name)} is unknown`, allowed)
    else if (value !== 'true' && value !== 'false') throw new UserError(`enable is ${quote(value)}`, allowed)
    else enabled = value === 'true'
  }
  if (attributes > 0 && names.length > 1) throw new UserError('there are two names', allowed)
  // A name from an empty variable is no mistake where the same condition disables it.
  if (enabled && names.every((name) => name === '')) throw new UserError('the name is missing', allowed)
  return names.map((name) => ({ line, name, enabled }))
}

const allowed = 'Write name=docker.io/acme/web,enable=true, or the name alone; enable is true or false.'
