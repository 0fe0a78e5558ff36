import { UserError } from '../errors.js'
import { render, type Expressions } from './template.js'
import { atLine, contentOf, fieldsOf, type Field } from './csv-line.js'
import { quote } from '../lib/quote.js'

/** What applies to all tags together: when there is a `latest`, and what stands before and behind every tag. */
export interface Flavor {
  readonly latest: Latest
  readonly prefix: Affix
  readonly suffix: Affix
}

/**
 * `auto`: when the first rule that gives a tag is about a release that is final. `highest`: then, and only when no
 * higher version exists.
 */
export type Latest = 'auto' | 'true' | 'false' | 'highest'

export interface Affix {
  readonly text: string
  readonly onLatest: boolean
}

const latestValues: readonly string[] = ['auto', 'true', 'false', 'highest'] satisfies Latest[]

/**
 * Reads the lines of the input `flavor`, the expressions in prefix and suffix put in; of two lines that say the same the
 * later one counts.
 *
 * @throws UserError that names the line and what is allowed
 */
export function parseFlavor(lines: readonly string[], expressions: Expressions): Flavor {
  const none: Affix = { text: '', onLatest: false }
  let flavor: Flavor = { latest: 'auto', prefix: none, suffix: none }
  for (const line of contentOf(lines)) flavor = atLine('flavor', line, () => readLine(line, flavor, expressions))
  return flavor
}

function readLine(line: string, before: Flavor, expressions: Expressions): Flavor {
  let flavor = before
  let affix: 'prefix' | 'suffix' | undefined
  for (const field of fieldsOf(line)) {
    if (field.name === 'latest') {
      flavor = { ...flavor, latest: readLatest(field.value) }
    } else if (field.name === 'prefix' || field.name === 'suffix') {
      affix = field.name
      flavor = { ...flavor, [affix]: { ...flavor[affix], text: render(field.value, expressions) } }
    } else if (field.name === 'onlatest' && affix !== undefined) {
      flavor = { ...flavor, [affix]: { ...flavor[affix], onLatest: readOnLatest(field.value) } }
    } else {
      throw unknown(field)
    }
  }
  return flavor
}

function readLatest(value: string): Latest {
  if (isLatest(value)) return value
  throw new UserError(`latest is ${quote(value)}`, `Allowed are ${latestValues.join(', ')}.`)
}

function isLatest(value: string): value is Latest {
  return latestValues.includes(value)
}

function readOnLatest(value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  throw new UserError(`onlatest is ${quote(value)}`, 'Allowed are true and false.')
}

function unknown({ name, value }: Field): UserError {
  const allowed = 'Allowed are latest=…, prefix=…[,onlatest=true] and suffix=…[,onlatest=true].'
  if (name === 'onlatest') return new UserError('onlatest has no prefix or suffix before it', allowed)
  return new UserError(`${quote(name ?? value)} is unknown`, allowed)
}
