import { boolean, choice, type InputReader, lines, list } from './input-parsers.js'
import type { Parser } from './input-spec.js'

/** Trimmed; undefined where the input isn't set. */
export function text(read: InputReader, input: string): string | undefined {
  return read(input).trim() || undefined
}

/** Lines whose grammar is that of names. */
export function oneALine(read: InputReader, input: string): string[] {
  return lines(read(input))
}

/** `name=value` lines with a value of any characters. */
export function entries(read: InputReader, input: string): string[] {
  return list(read, input, { commas: false })
}

export function whether(otherwise: boolean): Parser<boolean> {
  return (read, input) => boolean(read, input, otherwise)
}

/** The first of `choices` is the default. */
export function oneOf<const T extends string>(...choices: readonly [T, ...T[]]): Parser<T> {
  return (read, input) => choice(read, input, choices)
}
