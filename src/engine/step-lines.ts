/** Where in a build a step is, and what it does. */
export interface StepLine {
  /** Stage, from 0, as the Dockerfile has them; those that the target doesn't need are left out. */
  readonly stage: number
  /** Stages up to the target. */
  readonly stages: number
  /** Step in its stage, from 0; FROM is 0. */
  readonly index: number
  /** Steps in its stage, FROM and those that Buildah adds included; undefined where it printed none. */
  readonly of: number | undefined
  /** The instruction as Buildah prints it, cut after some thousand characters. */
  readonly text: string
}

/** How a step begins where one follows the other; a build of one stage has no number of it. */
export const STEP = /^(?:\[(\d{1,6})\/(\d{1,6})\] )?STEP (\d{1,6})(?:\/(\d{1,6}))?: (.*)$/
/** The same where stages are built at once: what a RUN of another one has printed without a line break stands before it. */
export const STAGE_STEP = /\[(\d{1,6})\/(\d{1,6})\] STEP (\d{1,6})(?:\/(\d{1,6}))?: (.*)$/
/**
 * How a step ends: with word of the cache, if it comes from there, and the image that it gives. A RUN whose output doesn't
 * end with a line break has it in the same line.
 */
export const IMAGE = /--> (Using cache )?([0-9a-f]{11,64})$/

/** Reads a line without control characters; undefined where it begins no step. Pure. */
export function readStepLine(pattern: RegExp, line: string): StepLine | undefined {
  const [matched, stage = '1', stages = '1', step, of, text = ''] = pattern.exec(line) ?? []
  if (matched === undefined) return undefined
  return {
    stage: Number(stage) - 1,
    stages: Number(stages),
    index: Number(step) - 1,
    of: of === undefined ? undefined : Number(of),
    text,
  }
}
