import type { Platform } from '../lib/platform.js'
import type { Analysis, StageAnalysis, StepAnalysis } from './analysis.js'
import { neededStages } from './dependencies.js'
import { parentOf, stagePlatforms } from './stage-platforms.js'

/** A RUN instruction, and what its programs are made for. */
export interface RunStep {
  readonly platform: Platform
  /** Name of the stage, or its number from 0. */
  readonly stage: string
  readonly line: number
}

/**
 * The RUN instructions of the stages that the target (its index) needs, in the order of the Dockerfile. A stage on another
 * one has its platform, whatever its own FROM says. Where the platform can't be known before the build, the steps are
 * left out. Pure.
 * @param platform that the image is for
 */
export function runSteps(analysis: Analysis, target: number, platform: Platform): RunStep[] {
  const platforms = stagePlatforms(analysis.stages, platform)
  return neededStages(analysis, target).flatMap((index) => {
    const stage = analysis.stages[index]
    const own = platforms[index]
    if (stage === undefined || own === undefined) return []
    const name = stage.stage.name ?? String(index)
    const steps = [...triggersOf(analysis.stages, stage), ...stage.steps].filter(isRun)
    return steps.map(({ instruction }) => ({ platform: own, stage: name, line: instruction.line }))
  })
}

/** What the stage below has put off to this one by ONBUILD. */
function triggersOf(stages: readonly StageAnalysis[], { base }: StageAnalysis): StepAnalysis[] {
  const parent = parentOf(base)
  return parent === undefined ? [] : (stages[parent]?.steps ?? []).flatMap(({ triggers }) => triggers)
}

function isRun({ instruction }: StepAnalysis): boolean {
  return instruction.keyword === 'RUN'
}
