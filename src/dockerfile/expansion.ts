import { declarationsOf } from './arguments.js'
import type { Dockerfile } from './dockerfile.js'

/** Values by their names. */
export type Values = ReadonlyMap<string, string>

/** `$NAME`, `${NAME}`, or `${NAME:-word}` with one of the four operators; a word has no braces and no variables in it. */
const VARIABLE = /\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^${}]*))?\})/g
/** Stands for a value that only the engine can read. */
const UNREADABLE = '$'

/**
 * A text with the values of its variables, where all that can be in it is known: a variable that has none is empty.
 * Undefined where it has more than variables, which only the engine can read. Pure.
 */
export function expand(text: string, values: Values): string | undefined {
  if (/["'\\]/.test(text)) return undefined
  const expanded = text.replaceAll(
    VARIABLE,
    (_: string, plain?: string, braced?: string, operator: string = '', word: string = '') => {
      const value = values.get(plain ?? braced ?? '')
      if (value?.includes(UNREADABLE) === true) return UNREADABLE
      const isThere = value !== undefined && !(operator.startsWith(':') && value === '')
      if (operator.endsWith('+')) return isThere ? word : ''
      return isThere ? value : operator.endsWith('-') ? word : ''
    },
  )
  return expanded.includes(UNREADABLE) ? undefined : expanded
}

/**
 * What the arguments in front of the first FROM come to, for the FROM lines: their defaults, and what was given for
 * them, beside what is there undeclared. Where only the engine can read a default, `expand` has no text for what names
 * it. Pure.
 * @param buildArgs those that were given
 * @param automatic those that an engine declares by itself, such as TARGETARCH
 */
export function globalValues({ globals }: Dockerfile, buildArgs: Values, automatic: Values): Values {
  // Whether what was given counts for one that nobody has declared, engines don't agree on.
  const values = new Map([...automatic].map(([name, value]) => [name, buildArgs.has(name) ? UNREADABLE : value]))
  for (const { name, value } of globals.flatMap(declarationsOf)) {
    const plain = value?.replace(/^(["'])([^"'\\]*)\1$/, '$2')
    const known =
      buildArgs.get(name) ?? (plain === undefined ? values.get(name) : (expand(plain, values) ?? UNREADABLE))
    if (known !== undefined) values.set(name, known)
  }
  return values
}
