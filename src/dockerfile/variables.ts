import { literal } from '../lib/regexp.js'
import type { Dockerfile, Instruction } from './dockerfile.js'

/** A name that an ARG instruction declares. */
export interface Declaration {
  readonly name: string
  /** The default as it is written, undefined where there is none. */
  readonly value: string | undefined
}

/** Values by their names; undefined for one that only the engine knows. */
export type Values = ReadonlyMap<string, string | undefined>

/** Arguments that are there undeclared, and that Buildah hands to RUN steps from its own environment. */
export const PROXIES: ReadonlySet<string> = new Set(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]),
)

/** `$NAME`, `${NAME}`, or `${NAME:-word}` with one of the four operators; a word has no braces and no variables in it. */
const VARIABLE = /\$(?:(\w+)|\{(\w+)(?:(:?[-+])([^${}]*))?\})/g
/** The same with anything behind the name. */
const ANY_VARIABLE = /\$\{[^${}]*\}|\$\w+/
/** Stands for a value that only the engine can read. */
const UNREADABLE = '$'
/** What blanks separate that are neither quoted nor escaped. */
const WORD = /(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|\S)+/gs

/** What ARG instructions declare, in order; nothing for any other instruction. */
export function declarationsOf({ keyword, argument }: Instruction): Declaration[] {
  if (keyword !== 'ARG') return []
  return (argument.match(WORD) ?? []).map((word) => {
    const [name = '', value] = word.split(/=(.*)/s)
    return { name, value }
  })
}

/** What ENV instructions set, in order, also `ENV NAME value`; nothing for any other instruction. */
export function settingsOf({ keyword, argument }: Instruction): { readonly name: string; readonly value: string }[] {
  if (keyword !== 'ENV') return []
  const words = argument.match(WORD) ?? []
  if (words[0]?.includes('=') !== true) {
    const [name = '', value = ''] = argument.split(/\s+(.*)/s)
    return [{ name, value }]
  }
  return words.map((word) => {
    const [name = '', value = ''] = word.split(/=(.*)/s)
    return { name, value }
  })
}

/** The variables that a text names, each once: `$NAME` and `${NAME…}`, also within another one's braces. */
export function variablesIn(text: string): string[] {
  return [...new Set([...text.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name]) => name ?? ''))]
}

/** An instruction as one text: keyword, flags, argument. */
export function textOf({ keyword, flags, argument }: Instruction): string {
  return [keyword, ...flags.map(({ name, value }) => `--${name}=${value}`), argument].join(' ')
}

/**
 * A text with the values of its variables, where all that can be in it is known: a variable that has none is empty.
 * Undefined where it has more than variables, which only the engine can read. Pure.
 */
export function expand(text: string, values: Values): string | undefined {
  if (/["'\\]/.test(text)) return undefined
  const expanded = text.replaceAll(VARIABLE, (...match) => {
    const [, plain, braced, operator = '', word = ''] = match as (string | undefined)[]
    const name = plain ?? braced ?? ''
    const isThere = values.has(name)
    const value = isThere ? (values.get(name) ?? UNREADABLE) : ''
    if (value.includes(UNREADABLE)) return UNREADABLE
    const counts = isThere && !(operator.startsWith(':') && value === '')
    if (operator.endsWith('+')) return counts ? word : ''
    return counts ? value : operator.endsWith('-') ? word : ''
  })
  return expanded.includes(UNREADABLE) ? undefined : expanded
}

/** The same text with the values of those variables that are known; the others as they are written. Pure. */
export function expandKnown(text: string, values: Values): string {
  return text.replaceAll(VARIABLE, (found) => {
    const isKnown = variablesIn(found).every((name) => values.get(name) !== undefined)
    return isKnown ? (expand(found, values) ?? found) : found
  })
}

/** What is written between the variables of a text, before the first and behind the last; undefined where only the engine can tell. Pure. */
export function partsBetween(text: string): string[] | undefined {
  const parts = text.split(ANY_VARIABLE)
  // What is within another one's braces, quoted or escaped may be anything.
  return /[${}"'\\]/.test(parts.join('')) ? undefined : parts
}

/** Whether a name may be what a text comes to, whatever values its variables have. Pure. */
export function mayComeTo(text: string): (name: string) => boolean {
  const parts = partsBetween(text)
  if (parts === undefined) return () => true
  const pattern = new RegExp(`^${parts.map(literal).join('.*')}$`, 'i')
  return (name) => pattern.test(name)
}

/** A text without the quotes that it stands in as a whole. Pure. */
export function unquote(text: string): string {
  return text.replace(/^(["'])([^"'\\]*)\1$/, '$2')
}

/**
 * What the arguments in front of the first FROM come to, for the FROM lines: their defaults, and what was given for
 * them, beside what is there undeclared. Pure.
 * @param buildArgs those that were given
 * @param automatic those that an engine declares by itself, such as TARGETARCH
 */
export function globalValues({ globals }: Dockerfile, buildArgs: Values, automatic: Values): Values {
  // Whether what was given counts for one that nobody has declared, engines don't agree on.
  const values = new Map([...automatic].map(([name, value]) => [name, buildArgs.has(name) ? undefined : value]))
  for (const { name, value } of globals.flatMap(declarationsOf)) {
    if (buildArgs.has(name)) values.set(name, buildArgs.get(name))
    else if (value !== undefined) values.set(name, expand(unquote(value), values))
  }
  return values
}
