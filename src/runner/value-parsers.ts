import validRange from 'semver/ranges/valid.js'
import { boolean, choice, type InputReader, lines, list, refuse } from './input-parsers.js'
import type { Parser } from './input-spec.js'

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

/** A builder of Buildx. @throws UserError where something else is to build */
export function builderName(read: InputReader, input: string): string | undefined {
  const got = text(read, input)
  if (got === undefined) return undefined
  if (read('engine').trim() === 'buildah')
    throw refuse(input, got, 'With `engine: buildah` no builder is used. Remove it, or write `engine: docker`.')
  if (read('rootless').trim() === 'require')
    throw refuse(
      input,
      got,
      'With `rootless: require` only Buildah or a Docker daemon without root builds, and no builder by its name. Remove it, or write `rootless: prefer`.',
    )
  return got
}

/** A range, or `bundled` for the action's own. */
export function buildahVersion(read: InputReader, input: string): string | undefined {
  const got = text(read, input)
  if (got === undefined || got === 'auto') return undefined
  if (got === 'bundled' || validRange(got) !== null) return got
  throw refuse(input, got, 'Write `auto`, `bundled`, or a semver range: `>=1.37`, `1.42.x`, `1.43.2`.')
}

export function isGiven(value: string | undefined): boolean {
  return value !== undefined
}
