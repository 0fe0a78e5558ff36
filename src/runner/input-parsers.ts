import { parse } from 'csv-parse/sync'
import { UserError } from '../errors.js'

/** Gives the text of an input, '' where it isn't set; white space as the user wrote it. */
export type InputReader = (name: string) => string

/** A `name=value` line. */
export interface Pair {
  readonly name: string
  readonly value: string
}

export function refuse(name: string, got: string, allowed: string, hint?: string): UserError {
  return new UserError(`Input "${name}": got ${JSON.stringify(got)}. ${allowed}`, hint)
}

/** An error that shows nothing of a URL that a program would be given as an argument, and the log would show. */
export function withPassword(name: string): UserError {
  return new UserError(
    `Input "${name}": the URL contains a password, which would be visible in the arguments of Git.`,
    'Check the repository out with actions/checkout (`token: …`) and write the path of the checkout.',
  )
}

/** The first of `choices` is the default. */
export function choice<T extends string>(read: InputReader, name: string, choices: readonly [T, ...T[]]): T {
  const got = read(name).trim()
  if (got === '') return choices[0]
  const found = choices.find((known) => known === got)
  if (found === undefined) throw refuse(name, got, `Allowed: ${choices.join(', ')}.`)
  return found
}

/** The booleans of YAML 1.2's core schema, as @actions/core has them. */
export function boolean(read: InputReader, name: string, otherwise: boolean): boolean {
  const got = read(name).trim()
  if (got === '') return otherwise
  if (['true', 'True', 'TRUE'].includes(got)) return true
  if (['false', 'False', 'FALSE'].includes(got)) return false
  throw refuse(name, got, 'Allowed: true, false.')
}

/** Line breaks of all systems; a text may mix them. */
const LINE_ENDS = ['\r\n', '\n', '\r']
/** In the place of a comma where commas separate nothing: no environment variable, and so no input, can have it. */
const NONE = '\0'

/** One entry a line, nothing else: no quoting, no commas. */
export function lines(text: string): string[] {
  return linesOf(text)
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** The lines of a text, whatever ends them. Pure. */
export function linesOf(text: string): string[] {
  return text.split(/\r\n|[\r\n]/)
}

export interface ListOptions {
  /** Whether commas are between entries, or between quoted parts of one; else they are nothing of their own. */
  readonly commas: boolean | 'within'
  readonly keepSpace?: boolean
}

/**
 * One entry a line. Between two quotes, the first at the start of a line and the second at the end of one, an entry may
 * hold line breaks, and quotes that are doubled, as in CSV. Any other entry is the text as it stands: JSON has quotes and
 * commas that mean nothing here. Where commas mean something, lines are CSV records as docker/build-push-action reads them.
 */
export function list(read: InputReader, name: string, { commas, keepSpace = false }: ListOptions): string[] {
  // Before a quote, a blank would make it a character like another.
  const text = read(name).trimStart()
  let records: string[][]
  try {
    records = parse(text, {
      ...{ delimiter: commas === false ? NONE : ',', record_delimiter: LINE_ENDS },
      ...{ relax_quotes: true, relax_column_count: true, skip_empty_lines: true },
    })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    // The text may be a secret: only where it breaks is shown.
    throw new UserError(
      `Input "${name}": a quoted entry isn't closed, or something follows its closing quote (${reason.replace(/,? ?(got|value is).*$/i, '')}).`,
      'Quote a whole entry: "NAME=first line\nsecond line", and write a quote inside it twice: "NAME=say ""hi""".',
    )
  }
  const joined = records.map((fields) => fields.join(','))
  const entries = (commas === true ? joined.flatMap((line) => line.split(',')) : joined).map(unquoted)
  const kept = keepSpace ? entries : entries.map((entry) => entry.trim())
  return kept.filter((entry) => entry.trim() !== '')
}

/** An entry without the quotes that a blank before them has kept. */
function unquoted(entry: string): string {
  const [, inner] = /^\s+"(.*)"\s*$/s.exec(entry) ?? []
  return inner === undefined ? entry : inner.replaceAll('""', '"')
}

export function isComment(entry: string): boolean {
  return entry.trimStart().startsWith('#')
}

export function pairs(read: InputReader, name: string, options: { emptyValue?: boolean } = {}): Pair[] {
  const found = list(read, name, { commas: false }).map((line) => pair(name, line, options.emptyValue === true))
  return unique(name, found)
}

/** Returns the pairs. @throws UserError if two have the same name */
export function unique(name: string, found: Pair[]): Pair[] {
  const twice = found.find(({ name: own }, index) => found.findIndex((other) => other.name === own) < index)
  if (twice !== undefined) throw refuse(name, twice.name, 'It is given twice; write it once.')
  return found
}

function pair(name: string, line: string, emptyValue: boolean): Pair {
  const at = line.indexOf('=')
  const key = (at < 0 ? line : line.slice(0, at)).trim()
  const value = at < 0 ? '' : line.slice(at + 1)
  if (key === '' || (value === '' && !emptyValue)) throw refuse(name, line, 'Write one name=value per line.')
  return { name: key, value }
}
