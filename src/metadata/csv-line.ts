import { parse } from 'csv-parse/sync'
import { describe, UserError } from '../errors.js'
import { quote } from '../lib/quote.js'

/** One part of a line such as `type=raw,value=1.2,latest`: its name in lower case, or none. */
export interface Field {
  readonly name?: string
  readonly value: string
}

/** The lines of an input that say something: not blank, no `#` in front. */
export function contentOf(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
}

/**
 * Splits a line at its commas, as CSV: a field with a comma in it is quoted whole. A line that is quoted as a whole is
 * what is between its quotes, as docker/metadata-action has it, unless that is one attribute whose value has commas.
 *
 * @throws UserError when a quote is not where CSV has it
 */
export function fieldsOf(line: string): readonly Field[] {
  let records: string[][]
  try {
    records = recordsOf(line)
  } catch (error) {
    throw new UserError(
      `its quotes can't be read: ${describe(error)}`,
      `A field with a comma or a quote in it is quoted whole, and a quote inside is doubled: "value=a,""b""".`,
    )
  }
  if (records.length > 1) throw new UserError('it holds a line break', 'Write one entry per line.')
  const [only = '', ...others] = textsIn(records)
  if (others.length > 0 || !line.startsWith('"')) return textsIn(records).map(readField)
  return within(only) ?? [readField(only)]
}

function recordsOf(text: string): string[][] {
  return parse(text, { relaxColumnCount: true, skipEmptyLines: true, trim: true })
}

function textsIn([record]: readonly string[][]): readonly string[] {
  const [first = '', ...others] = record ?? []
  const rest = others.filter((text) => text !== '')
  // An empty variable before attributes is a value that is empty; other commas too many mean nothing.
  return first !== '' || rest.some((text) => text.includes('=')) ? [first, ...rest] : rest
}

/** The fields that a quoted one holds; undefined where it is one value. */
function within(text: string): readonly Field[] | undefined {
  try {
    const [first, ...rest] = textsIn(recordsOf(text)).map(readField)
    const isValue = first?.name !== undefined && rest.every(({ name }) => name === undefined)
    return first === undefined || isValue ? undefined : [first, ...rest]
  } catch {
    return undefined
  }
}

/**
 * @param named the attributes beside the text
 * @throws UserError for a text that is several with white space between, where one stands on a line
 */
export function refuseSeveral(input: 'images' | 'tags', text: string, named: readonly Field[] = []): void {
  const words = text.match(/(?:\{\{.*?\}\}|\S)+/g) ?? []
  if (words.length < 2) return
  const attributes = named.map(({ name, value }) => `,${name ?? ''}=${value}`).join('')
  throw new UserError(
    `${quote(text)} has white space in it`,
    eachOnItsLine(
      input,
      words.map((word) => word + attributes),
    ),
  )
}

/** The cure for several entries on one line. */
export function eachOnItsLine(input: 'images' | 'tags', entries: readonly string[]): string {
  return ['Write each on a line of its own:', `${input}: |`, ...entries.map((entry) => `  ${shown(entry)}`)].join('\n')
}

/** A line as a message has it; only what can't be read plainly is quoted. */
export function shown(line: string): string {
  return /^[\x20-\x7e]{1,100}$/.test(line) ? line : quote(line)
}

/** Runs what reads or applies a line; a mistake in it is told with the input and the line. */
export function atLine<T>(input: string, line: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError(`${input}: in the line ${quote(line)}, ${error.message}`, error.hint, { cause: error.cause })
  }
}

function readField(field: string): Field {
  const found = /^([^={]+)=(.*)$/s.exec(field)
  if (found === null) return { value: field }
  const [, name = '', value = ''] = found
  return { name: name.trim().toLowerCase(), value: value.trim() }
}
