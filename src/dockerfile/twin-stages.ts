import type { Analysis, StepAnalysis } from './analysis.js'
import { neededStages } from './dependencies.js'
import { valuesInStages } from './stage-values.js'
import { declarationsOf } from './variables.js'

/** A stage that differs from the beginning of an earlier one by values of variables alone. */
export interface TwinStage {
  /** The first line where a value is another one. */
  readonly line: number
  /** Index of the other stage. */
  readonly other: number
}

/** An instruction as the history of an image has it, and as it takes effect. */
interface Entry {
  readonly line: number
  readonly history: string
  readonly effect: string
}

/** Instructions in which variables are replaced, and of which a history has the text. */
const EXPANDED = new Set(['ENV', 'EXPOSE', 'LABEL', 'STOPSIGNAL', 'USER', 'VOLUME', 'WORKDIR'])

/**
 * The stages of which the image is also that of a step of an earlier stage, for whoever compares histories: these have only
 * the names of arguments. A RUN sets them apart, since the history has the values for it, and so does what is copied. Pure.
 * @param target index of the stage that is built
 */
export function twinStages(analysis: Analysis, target: number): TwinStage[] {
  const expandAt = valuesInStages(analysis)
  const chains: (readonly Entry[])[] = []
  for (const { stage, base, steps } of analysis.stages) {
    const [parent, another] = base.stages.map((index) => chains[index])
    const below = another === undefined ? parent : undefined
    const from = 'known' in base ? base.known.name : stage.base
    const start = { line: stage.line, history: `FROM ${from}`, effect: '' }
    chains.push([...(below ?? [start]), ...steps.map((step) => entryOf(step, expandAt))])
  }
  const needed = neededStages(analysis, target)
  return needed.flatMap((index) => {
    const own = chains[index] ?? []
    for (const other of needed) {
      const longer = chains[other] ?? []
      // With one job, only what is built before is found. A stage with steps of its own after that comes out right.
      if (other >= index || longer.length < own.length) continue
      if (!own.every(({ history }, number) => history === longer[number]?.history)) continue
      const first = own.find(({ effect }, number) => effect !== longer[number]?.effect)
      if (first !== undefined) return [{ line: first.line, other }]
    }
    return []
  })
}

function entryOf({ instruction, declared }: StepAnalysis, expandAt: ReturnType<typeof valuesInStages>): Entry {
  const { keyword, argument, flags, line } = instruction
  const text = `${keyword} ${JSON.stringify(flags)} ${argument}`
  if (keyword === 'ARG') {
    const names = declarationsOf(instruction).map(({ name }) => name)
    return { line, history: `ARG ${names.join(' ')}`, effect: '' }
  }
  if (EXPANDED.has(keyword)) return { line, history: text, effect: expandAt(argument, instruction) }
  const values = [...declared].map((name) => expandAt(`$${name}`, instruction))
  const apart = keyword === 'RUN' ? JSON.stringify(values) : expandAt(text, instruction)
  return { line, history: `${text} ${apart}`, effect: '' }
}
