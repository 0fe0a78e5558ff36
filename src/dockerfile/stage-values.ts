import type { Analysis } from './analysis.js'
import type { Instruction } from './dockerfile.js'
import { declarationsOf, expand, expandKnown, settingsOf, unquote, type Values } from './variables.js'

/** What variables stand for in a stage. One that is in neither has the value of the base image, which isn't known, or none. */
interface Scope {
  /** It hides arguments of the same names. */
  readonly environment: Values
  readonly arguments: Values
}

/**
 * Puts the values of variables into a text of an instruction, as the engine does when it builds that instruction: those of
 * ENV and ARG of the stage, as far as they are known before the build. Other variables stay as they are written. A base
 * image is taken to have no variable with the name of an argument that has a value. Pure.
 */
export function valuesInStages(analysis: Analysis): (text: string, at: Instruction) => string {
  const ends: Values[] = []
  const found = new Map<Instruction, Values>()
  for (const { stage, base } of analysis.stages) {
    const [parent, other] = base.stages.map((index) => ends[index])
    let scope: Scope = { environment: (other === undefined ? parent : undefined) ?? new Map(), arguments: new Map() }
    for (const instruction of stage.instructions) {
      found.set(instruction, valuesOf(scope))
      scope = behind(scope, instruction, analysis)
    }
    ends.push(scope.environment)
  }
  return (text, at) => expandKnown(text, found.get(at) ?? new Map())
}

function valuesOf(scope: Scope): Values {
  return new Map([...scope.arguments, ...scope.environment])
}

function behind(scope: Scope, instruction: Instruction, { values: given, globals }: Analysis): Scope {
  const before = valuesOf(scope)
  const environment = new Map(scope.environment)
  for (const { name, value } of settingsOf(instruction)) environment.set(name, read(value, before))
  let declared = scope.arguments
  for (const { name, value } of declarationsOf(instruction)) {
    const own = value === undefined ? globals.get(name) : read(value, new Map([...declared, ...environment]))
    // Of engines, not each puts the value that it knows by itself in the place of a default.
    const isTold = given.automatic.has(name) && value !== undefined
    const known = given.buildArgs.has(name) ? given.buildArgs.get(name) : isTold ? undefined : own
    declared = new Map([...declared, [name, known]])
  }
  return { environment, arguments: declared }
}

/** A value as it is written; undefined where only the engine can read it. */
function read(written: string, values: Values): string | undefined {
  if (/`|^'.*\$/s.test(written)) return undefined
  const text = expandKnown(unquote(written), values)
  return text.includes('$') ? undefined : expand(text, values)
}
