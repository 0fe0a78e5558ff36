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
 * Splits a line at its commas, as CSV: a field with a comma in it is quoted whole.
 *
 * @throws UserError when a quote is not where CSV has it
 */
export function fieldsOf(line: string): readonly Field[] {
  let records: string[][]
  try {
    records = parse(line, { relaxColumnCount: true, skipEmptyLines: true, trim: true })
  } catch (error) {
    throw new UserError(
      `its quotes can't be read: ${describe(error)}`,
      `A field with a comma or a quote in it is quoted whole, and a quote inside is doubled: "value=a,""b""".`,
    )
  }
  if (records.length > 1) throw new UserError('it holds a line break', 'Write one entry a line.')
  return (records[0] ?? []).filter((field) => field !== '').map(readField)
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
