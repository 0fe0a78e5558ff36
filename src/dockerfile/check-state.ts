import type { StageAnalysis } from './analysis.js'
import { type Instruction, parseDockerfile } from './dockerfile.js'
import { declarationsOf, settingsOf } from './variables.js'

/** What of a base image decides on checks. */
export interface BaseFacts {
  /** Names of the variables of its environment. */
  readonly environment: readonly string[]
  readonly hasShell: boolean
  /** Instructions that it puts off (ONBUILD), as they are written. */
  readonly triggers: readonly string[]
}

/** What has been said in a stage as far as to one of its instructions, also by what it is built on. */
export interface CheckState {
  /** Names of variables and arguments. */
  readonly defined: ReadonlySet<string>
  readonly hasShell: boolean
  readonly hasWorkdir: boolean
  /** Instructions of this stage that are put off to those that are built on it. */
  readonly triggers: readonly Instruction[]
  /** What isn't known of it: all of an image, by its name, or something else. */
  readonly open: { readonly image: string | undefined } | undefined
}

/** The environment of an empty image. */
const EMPTY: CheckState = {
  ...{ defined: new Set(['PATH']), hasShell: false, hasWorkdir: false, triggers: [], open: undefined },
}
const UNKNOWN: CheckState = { ...EMPTY, open: { image: undefined } }

/**
 * What holds when a stage begins.
 * @param ends of the stages before, by their indices
 * @param bases what is known of images, by their names
 */
export function stateAtFrom(
  { base }: Pick<StageAnalysis, 'base'>,
  ends: readonly CheckState[],
  bases: ReadonlyMap<string, BaseFacts>,
): CheckState {
  // A name in another case is a stage to one engine, and an image to the other; a further context takes the place of both.
  if ('unknown' in base || base.known.isOtherCase || base.known.contexts.length > 0) return UNKNOWN
  const parent = ends[base.stages.at(-1) ?? -1]
  if (parent !== undefined) return onTopOf({ ...parent, triggers: [] }, parent.triggers)
  const { image } = base.known
  if (image === undefined) return EMPTY
  const facts = bases.get(image)
  if (facts === undefined) return { ...EMPTY, open: { image } }
  const { hasShell, environment, triggers } = facts
  const instructions = triggers.flatMap(
    (text) => parseDockerfile(`FROM scratch\n${text}`).stages[0]?.instructions ?? [],
  )
  return onTopOf({ ...EMPTY, hasShell, defined: new Set(['PATH', ...environment]) }, instructions)
}

function onTopOf(state: CheckState, instructions: readonly Instruction[]): CheckState {
  return instructions.reduce((before, one) => stateAfter(one, before), state)
}

/** What holds behind an instruction. */
export function stateAfter(instruction: Instruction, state: CheckState): CheckState {
  const { keyword, argument } = instruction
  switch (keyword) {
    case 'ARG':
    case 'ENV': {
      const names = namesSetBy(instruction)
      // Who sets what only the engine can read may set anything.
      const open = names.every((name) => /^\w+$/.test(name)) ? state.open : { image: undefined }
      return { ...state, open, defined: new Set([...state.defined, ...names]) }
    }
    case 'SHELL':
      return { ...state, hasShell: true }
    case 'WORKDIR':
      return { ...state, hasWorkdir: true }
    case 'ONBUILD': {
      const trigger = parseDockerfile(`FROM scratch\n${argument}`).stages[0]?.instructions ?? []
      return { ...state, triggers: [...state.triggers, ...trigger] }
    }
    default:
      return state
  }
}

/** The names that ENV or ARG sets; `ENV NAME value` as well. */
export function namesSetBy(instruction: Instruction): string[] {
  return [...declarationsOf(instruction), ...settingsOf(instruction)].map(({ name }) => name)
}
