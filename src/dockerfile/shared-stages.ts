import { formatPlatform, type Platform } from '../lib/platform.js'
import type { Analysis, Origin, StageAnalysis, StepAnalysis } from './analysis.js'
import { neededStages } from './dependencies.js'
import type { Instruction } from './dockerfile.js'
import type { Mount } from './mounts.js'
import { parentOf, stagePlatforms } from './stage-platforms.js'
import { declarationsOf, textOf } from './variables.js'

/** A stage that is the same in the images of all platforms, and that the stages of an image only copy from. */
export interface SharedStage {
  readonly index: number
  /** How an engine is told to build it: its name, or its number where it has none. */
  readonly name: string
  /** All that COPY calls it: `build`, `0`. */
  readonly calledAs: readonly string[]
}

/** What an engine says in a stage of the platform that the image is for. */
const OF_TARGET = ['TARGETPLATFORM', 'TARGETOS', 'TARGETARCH', 'TARGETVARIANT', 'TARGETSTAGE']
/** What every engine takes for a name of a stage and not for a number, and no log for anything else. */
const NAME = /^(?!\d+$)[\w.-]+$/
/** A name of an argument as it stands: a variable, a quote or an escape in it may make it another one. */
const ARGUMENT = /^\w+$/

/**
 * The stages that can be built once, on the machine itself, and be handed to the builds of all platforms, in their order.
 * Where it can't be known that nothing in a stage depends on the platform, it is not among them, nor where another stage
 * uses it otherwise than by COPY, or if none of them has a RUN, which is what takes long. Pure.
 * @param analysis with nothing known that differs between the platforms
 * @param target index of the stage that is built
 * @param machine platform of the machine
 */
export function sharedStages(analysis: Analysis, target: number, machine: Platform): SharedStage[] {
  const { ambiguous, globals } = analysis.dockerfile
  if (ambiguous !== undefined || !globals.every(namesArguments)) return []
  const needed = neededStages(analysis, target)
  const own = new Set(standingUnder(analysis, target))
  let inner = independentStages(analysis, machine).filter((index) => needed.includes(index) && !own.has(index))
  for (;;) {
    const left = inner.filter((index) => isApart(index, { analysis, needed, inner }))
    if (left.length === inner.length) break
    inner = left
  }
  if (!inner.some((index) => hasRun(analysis.stages[index]))) return []
  const outer = needed.filter((index) => !inner.includes(index))
  return inner.flatMap((index) => {
    const names = usesIn(analysis, outer).flatMap(({ origin }) =>
      origin.stages.includes(index) && 'known' in origin ? [origin.known.name] : [],
    )
    const name = analysis.stages[index]?.stage.name ?? String(index)
    return names.length === 0 ? [] : [{ index, name, calledAs: [...new Set(names)] }]
  })
}

/** The target, and the stages that it is built on. */
function standingUnder({ stages }: Analysis, target: number): number[] {
  const indices: number[] = []
  for (let index: number | undefined = target; index !== undefined;) {
    indices.push(index)
    const base: Origin | undefined = stages[index]?.base
    index = base === undefined ? undefined : parentOf(base)
  }
  return indices
}

/** Indices of the stages that say nothing by which they depend on what the image is for, whatever they take from others. */
function independentStages(analysis: Analysis, machine: Platform): number[] {
  const { stages } = analysis
  const platforms = stagePlatforms(stages, machine)
  const names = dependentNames(analysis)
  const found: number[] = []
  for (const [index, stage] of stages.entries()) {
    const isOnMachine = platforms[index] !== undefined && formatPlatform(platforms[index]) === formatPlatform(machine)
    // Without a platform of its own, it has that of the image.
    const isPlaced = parentOf(stage.base) !== undefined || ('known' in stage.platform && stage.platform.known !== '')
    const isPlain = hasOwnName(stages, index) && stage.stage.flags.every(({ name }) => name === 'platform')
    const isKnown = originsIn(stage).every(({ origin }) => isSure(origin))
    const isFixed = stage.steps.every(({ mounts, triggers }) => mounts.every(isReadable) && triggers.length === 0)
    const isFree = stage.stage.instructions.every(namesArguments) && !names.test(textsOf(stage))
    if (isOnMachine && isPlaced && isPlain && isKnown && isFixed && isFree) found.push(index)
  }
  return found
}

/** Whether an engine that is told the name of a stage, or its number, can take no other one for it. */
function hasOwnName(stages: readonly StageAnalysis[], index: number): boolean {
  const name = stages[index]?.stage.name
  if (name !== undefined && !NAME.test(name)) return false
  const own = [name?.toLowerCase(), String(index)]
  return stages.every(({ stage }, other) => other === index || !own.includes(stage.name?.toLowerCase() ?? ''))
}

/** Whether it declares no argument whose name only the engine can read. */
function namesArguments(instruction: Instruction): boolean {
  return declarationsOf(instruction).every(({ name }) => ARGUMENT.test(name))
}

/** What names an argument of the platform, also by way of an argument in front of the first FROM. */
function dependentNames({ dockerfile: { globals } }: Analysis): RegExp {
  const names = [...OF_TARGET]
  const pattern = () => new RegExp(`(?<!\\w)(${names.join('|')})(?!\\w)`)
  for (const { name, value = '' } of globals.flatMap(declarationsOf)) if (pattern().test(value)) names.push(name)
  return pattern()
}

function textsOf({ stage }: StageAnalysis): string {
  const flags = stage.flags.map(({ value }) => value)
  return [stage.base, ...flags, ...stage.instructions.map(textOf)].join('\n')
}

/** One stage, image or nothing, and no further build context that may be another one for each platform. */
function isSure(origin: Origin): boolean {
  if ('unknown' in origin || origin.stages.length > 1) return false
  return origin.known.contexts.length === 0 && !origin.known.isOtherCase
}

function isReadable({ isReadable }: Mount<Origin>): boolean {
  return isReadable
}

/** What is chosen so far. */
interface Choice {
  readonly analysis: Analysis
  /** Indices of the stages that the target needs. */
  readonly needed: readonly number[]
  /** Those of them that are built once. */
  readonly inner: readonly number[]
}

/** Whether a stage needs none but those that are built once, and the others only copy from it, by names of its own. */
function isApart(index: number, { analysis, needed, inner }: Choice): boolean {
  const isInner = (one: number) => inner.includes(one)
  if (!usesIn(analysis, [index]).every(({ origin }) => origin.stages.every(isInner))) return false
  const outer = usesIn(
    analysis,
    needed.filter((one) => !isInner(one)),
  )
  const ofIt = outer.filter(({ origin }) => origin.stages.includes(index))
  if (!ofIt.every(({ isCopy, origin }) => isCopy && isSure(origin))) return false
  const names = ofIt.flatMap(({ origin }) => ('known' in origin ? [origin.known.name] : []))
  // To the engine, the name stands for the finished stage wherever it is written.
  const isOtherwise = ({ origin }: Use) => 'known' in origin && names.includes(origin.known.name)
  return !outer.some((use) => !use.origin.stages.includes(index) && isOtherwise(use))
}

/** Where a stage names another one, or an image. */
interface Use {
  readonly origin: Origin
  readonly isCopy: boolean
}

function usesIn({ stages }: Analysis, indices: readonly number[]): Use[] {
  return indices.flatMap((index) => originsIn(stages[index]))
}

function originsIn(stage: StageAnalysis | undefined): Use[] {
  if (stage === undefined) return []
  return [{ origin: stage.base, isCopy: false }, ...stage.steps.flatMap((step) => originsOf(step, true))]
}

function originsOf({ copy, mounts, triggers }: StepAnalysis, isOwn: boolean): Use[] {
  const copied = copy?.from === undefined ? [] : [{ origin: copy.from, isCopy: isOwn }]
  const mounted = mounts.flatMap(({ from }) => (from === undefined ? [] : [{ origin: from, isCopy: false }]))
  return [...copied, ...mounted, ...triggers.flatMap((trigger) => originsOf(trigger, false))]
}

function hasRun(stage: StageAnalysis | undefined): boolean {
  return stage?.steps.some(({ instruction }) => instruction.keyword === 'RUN') === true
}
