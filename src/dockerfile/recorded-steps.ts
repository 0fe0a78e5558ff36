import type { StageKeys } from './step-keys.js'

/** A step as the output of a build shows it. */
export interface PrintedStep {
  /** Its stage, from 0, and how many there are. */
  readonly stage: number
  readonly stages: number
  /** Its number in the stage, from 0 for FROM, and how many there are; undefined where Buildah itself lost count. */
  readonly index: number
  readonly of: number | undefined
  /** Id of the image that it gave, or the first characters of it. */
  readonly image: string | undefined
  readonly hit: boolean
  readonly seconds: number
}

/** An image that may be offered to a later build which has the same key. */
export interface RecordedStep {
  readonly image: string
  readonly key: string
  /** What was copied from the context up to it; undefined where that isn't known. */
  readonly content: string | undefined
  readonly hit: boolean
  readonly seconds: number
}

/** Stages that haven't as many steps as their instructions and the labels give. Pure. */
export function surprisingStages(
  steps: readonly Pick<PrintedStep, 'stage' | 'stages' | 'of'>[],
  keys: readonly StageKeys[],
): Set<number> {
  const isOther = ({ stage, stages, of }: Pick<PrintedStep, 'stage' | 'stages' | 'of'>) =>
    stages !== keys.length || of !== keys[stage]?.keys.length
  return new Set(steps.filter(isOther).map(({ stage }) => stage))
}

/**
 * The images of a build with the keys of their steps. Where a stage hasn't as many steps as it should (instructions that
 * a base image adds by ONBUILD, arguments of the user that add some) no step is what its number says, and nothing of the
 * stage is recorded. Pure.
 */
export function recordedSteps(steps: readonly PrintedStep[], keys: readonly StageKeys[]): RecordedStep[] {
  const surprising = surprisingStages(steps, keys)
  return steps.flatMap(({ stage, index, image, hit, seconds }) => {
    const key = keys[stage]?.keys[index]
    if (index === 0 || surprising.has(stage) || image === undefined || key === undefined) return []
    return [{ image, key, content: keys[stage]?.contents[index], hit, seconds }]
  })
}
