import { type Copy, readCopy } from './copies.js'
import { type Dockerfile, type Instruction, parseDockerfile, type Stage } from './dockerfile.js'
import { type Mount, readMounts } from './mounts.js'
import { type Declaration, declarationsOf, expand, globalValues, mayComeTo, type Values } from './variables.js'

/** What of a build decides what names and variables in a Dockerfile stand for. */
export interface BuildValues {
  /** Build arguments that were given. */
  readonly buildArgs: Values
  /** Arguments that the engine declares by itself in front of the first FROM. */
  readonly automatic: Values
  /** Those of them that an engine is told, whatever machine it is on; absent where it is told none. */
  readonly told?: Values
  /** Names of further build contexts. */
  readonly contexts: ReadonlySet<string>
}

/** What a Dockerfile says for one build and one platform. */
export interface Analysis {
  readonly dockerfile: Dockerfile
  readonly values: BuildValues
  /** What the arguments in front of the first FROM come to. */
  readonly globals: Values
  readonly stages: readonly StageAnalysis[]
}

export interface StageAnalysis {
  readonly stage: Stage
  readonly base: Origin
  /** Of FROM; known as '' where it names none. */
  readonly platform: Resolved<string>
  /** One for each instruction but FROM. */
  readonly steps: readonly StepAnalysis[]
}

export interface StepAnalysis {
  readonly instruction: Instruction
  /** Of COPY and ADD. */
  readonly copy: Copy<Origin> | undefined
  /** Of RUN. */
  readonly mounts: readonly Mount<Origin>[]
  /** What ONBUILD puts off, to a stage that may come behind all others. */
  readonly triggers: readonly StepAnalysis[]
  /** Arguments of the stage as far as here. Their values depend on what the base image has in its environment. */
  readonly declared: ReadonlySet<string>
}

/** Something that is known before the build, or what isn't, as a noun: `what FROM $B names`. */
export type Resolved<T> = { readonly known: T } | { readonly unknown: string }

/** What FROM, `--from` or a mount's `from` names. */
export type Origin = Resolved<NamedOrigin> & {
  /** Indices of the stages before that have the name, or that may be meant where it isn't known. */
  readonly stages: readonly number[]
}

/** Of stages, contexts and image of a name the engine takes one: not each takes the same. */
export interface NamedOrigin {
  /** With the values of variables. */
  readonly name: string
  /** To Buildah, which compares the case of letters, it is none of the stages but an image. */
  readonly isOtherCase: boolean
  /** Names of further build contexts. */
  readonly contexts: readonly string[]
  /** The image, as it is named; undefined for a stage, a context, or `scratch`. */
  readonly image: string | undefined
}

/** What a name may stand for. */
interface Scope {
  /** Stages that come before. */
  readonly before: readonly Stage[]
  readonly all: readonly Stage[]
  readonly contexts: ReadonlySet<string>
  /** Arguments whose values are known wherever a stage declares them. */
  readonly told: ReadonlyMap<string, string>
}

/** What a Dockerfile says, as far as it is known before the build. Pure. */
export function analyze(dockerfile: Dockerfile, values: BuildValues): Analysis {
  const { buildArgs, automatic, contexts } = values
  const told = toldArguments(dockerfile, values)
  const globals = globalValues(dockerfile, buildArgs, automatic)
  const all = dockerfile.stages
  const stages = all.map((stage, index): StageAnalysis => {
    const scope = { before: all.slice(0, index), all, contexts, told }
    return { stage, ...readFrom(stage, globals, scope), steps: stepsOf(stage, scope) }
  })
  return { dockerfile, values, globals, stages }
}

function readFrom(stage: Stage, globals: Values, scope: Scope): Pick<StageAnalysis, 'base' | 'platform'> {
  const what = `what FROM ${stage.base} names`
  const name = expand(stage.base, globals)
  const written = stage.flags.find((flag) => flag.name === 'platform')?.value ?? ''
  const platform = expand(written, globals)
  return {
    base: name === undefined || name === '' ? unknownOrigin(stage.base, what, scope) : knownOrigin(name, scope),
    platform: platform === undefined ? { unknown: `what --platform=${written} names` } : { known: platform },
  }
}

/** What nothing in the Dockerfile gives another value. What a base image has in its environment isn't known here. */
function toldArguments({ stages }: Dockerfile, { told = new Map(), buildArgs }: BuildValues): Map<string, string> {
  const texts = stages
    .flatMap(({ instructions }) => instructions)
    .filter(({ keyword }) => keyword === 'ENV' || keyword === 'ONBUILD')
    .map(({ argument }) => argument)
  // Not where its value is used.
  const isSet = (name: string, text: string) => new RegExp(`(?<![\\w\${])${name}(?!\\w)`).test(text)
  const isOther = (name: string) => buildArgs.has(name) || texts.some((text) => isSet(name, text))
  return new Map([...told].flatMap(([name, value]) => (value === undefined || isOther(name) ? [] : [[name, value]])))
}

function stepsOf({ instructions }: Stage, scope: Scope): StepAnalysis[] {
  let declared: ReadonlySet<string> = new Set()
  let known: ReadonlyMap<string, string> = new Map()
  return instructions.map((instruction) => {
    const declarations = declarationsOf(instruction)
    if (declarations.length > 0) {
      declared = new Set([...declared, ...declarations.map(({ name }) => name)])
      known = knownAfter(known, declarations, scope)
    }
    return stepOf(instruction, { declared, known }, scope)
  })
}

/** What is known behind an ARG: of engines, not each puts the value that it is told in the place of a default. */
function knownAfter(
  before: ReadonlyMap<string, string>,
  declarations: readonly Declaration[],
  { told }: Scope,
): ReadonlyMap<string, string> {
  const known = new Map(before)
  for (const { name, value: ownDefault } of declarations) {
    const value = told.get(name)
    if (value === undefined || ownDefault !== undefined) known.delete(name)
    else known.set(name, value)
  }
  return known
}

/** The arguments of a stage as far as to a step. */
interface Arguments {
  readonly declared: ReadonlySet<string>
  /** Those of them whose values are known. */
  readonly known: ReadonlyMap<string, string>
}

function stepOf(instruction: Instruction, { declared, known }: Arguments, scope: Scope): StepAnalysis {
  const copy = readCopy(instruction, known)
  const mounts = readMounts(instruction).map((mount) => ({ ...mount, from: mountedFrom(mount, scope) }))
  const later = { ...scope, before: scope.all }
  const triggers = triggersOf(instruction).map((trigger) => stepOf(trigger, { declared, known: new Map() }, later))
  return { instruction, copy: copy && { ...copy, from: copiedFrom(copy, scope) }, mounts, triggers, declared }
}

function triggersOf({ keyword, argument, line }: Instruction): Instruction[] {
  if (keyword !== 'ONBUILD') return []
  const [stage] = parseDockerfile(`FROM scratch\n${argument}`).stages
  return (stage?.instructions ?? []).map((trigger) => ({ ...trigger, line }))
}

function copiedFrom({ from }: Copy, scope: Scope): Origin | undefined {
  if (from === undefined) return undefined
  // Variables there are those of the stage.
  return /["'$\\]/.test(from) ? unknownOrigin(from, `what --from=${from} names`, scope) : knownOrigin(from, scope)
}

function mountedFrom({ from, text, isReadable }: Mount, scope: Scope): Origin | undefined {
  if (from === undefined) return undefined
  return isReadable ? knownOrigin(from, scope) : unknownOrigin(from, `what --mount=${text} shows`, scope)
}

function knownOrigin(name: string, { before, contexts }: Scope): Origin {
  const stages = indicesOf(before, (stage) => stage.toLowerCase() === name.toLowerCase())
  const isImage = stages.length === 0 && name !== 'scratch' && !contexts.has(name)
  const isOtherCase = stages.length > 0 && !stages.some((index) => [before[index]?.name, String(index)].includes(name))
  // Buildah compares names as they are written, BuildKit the images that they stand for.
  const meant = [...contexts].filter((context) => plainName(context) === plainName(name))
  const image = isImage ? name : undefined
  return { known: { name, isOtherCase, contexts: meant, image }, stages }
}

function unknownOrigin(text: string, unknown: string, { before }: Scope): Origin {
  return { unknown, stages: indicesOf(before, mayComeTo(text)) }
}

/** Indices of the stages that are meant by their name or by their number. */
function indicesOf(stages: readonly Stage[], isMeant: (name: string) => boolean): number[] {
  return stages.flatMap(({ name }, index) =>
    isMeant(String(index)) || (name !== undefined && isMeant(name)) ? [index] : [],
  )
}

/** A name of an image without what is added to it where it is missing, in lower case. */
function plainName(name: string): string {
  return name
    .toLowerCase()
    .replace(/^(index\.)?docker\.io\//, '')
    .replace(/^library\//, '')
    .replace(/:latest$/, '')
}
