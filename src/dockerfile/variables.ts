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

/** What ARG instructions declare, in order; nothing for any other instruction. */
export function declarationsOf({ keyword, argument }: Instruction): Declaration[] {
  if (keyword !== 'ARG') return []
  const words = argument.match(/(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|\S)+/gs) ?? []
  return words.map((word) => {
    const [name = '', value] = word.split(/=(.*)/s)
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

/** Whether a name may be what a text comes to, whatever values its variables have. Pure. */
export function mayComeTo(text: string): (name: string) => boolean {
  const parts = text.split(ANY_VARIABLE)
  // What is within another one's braces, quoted or escaped may be anything.
  if (/[${}"'\\]/.test(parts.join(''))) return () => true
  const escaped = parts.map((part) => part.replace(/[.*+?^()|[\]]/g, '\\$&'))
  const pattern = new RegExp(`^${escaped.join('.*')}$`, 'i')
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
