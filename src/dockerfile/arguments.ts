import type { Instruction } from './dockerfile.js'

/** A name that an ARG instruction declares. */
export interface Declaration {
  readonly name: string
  /** The default as it is written, undefined where there is none. */
  readonly value: string | undefined
}

/** What ARG instructions declare, in order; nothing for any other instruction. */
export function declarationsOf({ keyword, argument }: Instruction): Declaration[] {
  if (keyword !== 'ARG') return []
  const words = argument.match(/(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|\S)+/gs) ?? []
  return words.map((word) => {
    const [name = '', value] = word.split(/=(.*)/s)
    return { name, value }
  })
}

/** Arguments that are there undeclared, and that Buildah hands to RUN steps from its own environment. */
export const PROXIES: ReadonlySet<string> = new Set(
  ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]),
)

/** The variables that a text names, each once: `$NAME` and `${NAME…}`, also within another one's braces. */
export function variablesIn(text: string): string[] {
  return [...new Set([...text.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name]) => name ?? ''))]
}

/** An instruction as one text: keyword, flags, argument. */
export function textOf({ keyword, flags, argument }: Instruction): string {
  return [keyword, ...flags.map(({ name, value }) => `--${name}=${value}`), argument].join(' ')
}
