import { createHash } from 'node:crypto'
import type { Instruction } from './dockerfile.js'
import { declarationsOf, textOf, variablesIn } from './variables.js'

/** The key of what comes after a step; none where the step has none. Pure. */
export function extend(key: string | undefined, parts: readonly string[]): string | undefined {
  return key === undefined ? undefined : digest([key, ...parts])
}

/** Digest of a list of texts, which no other list has. Pure. */
export function digest(parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part};`)
  return hash.digest('hex')
}

/** What the value of each known argument comes down to. */
export type Scope = ReadonlyMap<string, string>

/** The arguments that a step depends on: those that it names; for RUN, which sees them as environment, all declared. */
export function namedBy(instruction: Instruction, declared: ReadonlySet<string>): string[] {
  // An ARG has no value in the image, and what names it later brings its value along.
  if (instruction.keyword === 'ARG') return []
  if (instruction.keyword !== 'RUN') return variablesIn(textOf(instruction))
  return [...new Set([...declared, ...variablesIn(textOf({ ...instruction, argument: '' }))])]
}

export function valuesOf(names: readonly string[], scope: Scope, buildArgs: ReadonlyMap<string, string>): string[] {
  return names.map((name) => digest([name, scope.get(name) ?? '', ...orNothing(buildArgs.get(name))]))
}

/** An argument that is given empty isn't one that isn't given: that one has its default. */
function orNothing(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value]
}

/** The scope behind an ARG instruction; the same behind any other. */
export function declare(scope: Scope, instruction: Instruction, buildArgs: ReadonlyMap<string, string>): Scope {
  const declarations = declarationsOf(instruction)
  if (declarations.length === 0) return scope
  const next = new Map(scope)
  for (const { name, value } of declarations) {
    // A default may name other arguments, and where there is none, the value of an earlier ARG holds.
    const named = valuesOf([name, ...variablesIn(value ?? '')], next, buildArgs)
    next.set(name, digest([digest(orNothing(value)), ...named]))
  }
  return next
}
