import type { Analysis, StageAnalysis } from './analysis.js'
import { neededStages } from './dependencies.js'

/** Instructions that take time; everything else only changes the configuration of an image. */
const WORK = ['RUN', 'COPY', 'ADD']

/**
 * How many stages of a build can be at work at once: so many of them, at the most, don't wait for one another. Only what a
 * stage needs for its first piece of work counts, since it can begin without the rest. Pure.
 * @param target index of the stage that is built
 */
export function stagesAtOnce(analysis: Analysis, target: number): number {
  const depths = new Map<number, number>()
  for (const index of neededStages(analysis, target)) {
    const before = awaited(analysis.stages[index]).map((stage) => depths.get(stage) ?? 0)
    depths.set(index, 1 + Math.max(0, ...before))
  }
  const counts = new Map<number, number>()
  for (const depth of depths.values()) counts.set(depth, (counts.get(depth) ?? 0) + 1)
  return Math.max(1, ...counts.values())
}

/**
 * Whether two stages begin alike up to a RUN, so that the second one finds the steps of the first where they are built one
 * after the other. Pure.
 * @param target index of the stage that is built
 */
export function sharesSteps(analysis: Analysis, target: number): boolean {
  const beginnings = neededStages(analysis, target).flatMap((index) => beginningOf(analysis.stages[index]) ?? [])
  return new Set(beginnings).size < beginnings.length
}

/** Whether a FROM names a platform, so that stages may differ in it. Pure. */
export function namesPlatforms({ stages }: Analysis): boolean {
  return stages.some(({ stage }) => stage.flags.some(({ name }) => name === 'platform'))
}

/** Stages that one waits for before its first piece of work. */
function awaited(stage: StageAnalysis | undefined): readonly number[] {
  if (stage === undefined) return []
  const first = stage.steps.find(({ instruction }) => WORK.includes(instruction.keyword))
  const origins = [stage.base, first?.copy?.from, ...(first?.mounts ?? []).map(({ from }) => from)]
  return origins.flatMap((origin) => origin?.stages ?? [])
}

/** A stage up to its first RUN; undefined where it has none. */
function beginningOf(stage: StageAnalysis | undefined): string | undefined {
  const end = stage?.steps.findIndex(({ instruction }) => instruction.keyword === 'RUN') ?? -1
  if (stage === undefined || end < 0) return undefined
  const steps = stage.steps
    .slice(0, end + 1)
    .map(({ instruction: { keyword, flags, argument } }) => [keyword, flags, argument])
  return JSON.stringify([stage.stage.base, stage.stage.flags, steps])
}
