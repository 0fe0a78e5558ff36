import { stripVTControlCharacters } from 'node:util'
import type { Dockerfile } from '../dockerfile/dockerfile.js'
import { lineReader } from '../lib/lines.js'
import { IMAGE, readStepLine, STEP, type StepLine } from './step-lines.js'

/** One step of a build, and how it ended. */
export interface Step extends StepLine {
  /**
   * Id of the image that it gave, or the first characters of it, '' where the engine names none; undefined for FROM and
   * for a step that didn't end.
   */
  readonly image: string | undefined
  /** Whether it was a cache hit. */
  readonly hit: boolean
  /** From its line to that of its image; 0 without one. */
  readonly seconds: number
  /** Seconds since the first step began, where stages are built at once; undefined where one step follows the other. */
  readonly started?: number
}

export interface Progress {
  /** Takes what Buildah prints on standard output, in chunks of any size. */
  readonly add: (chunk: Uint8Array) => void
  /**
   * The steps so far, in the order in which they ran. None has an image once a line has come out of turn: then some step
   * prints what looks like Buildah's own lines, and no image has a sure step.
   */
  readonly steps: () => readonly Step[]
  /** Whether a line has come out of turn. */
  readonly isDoubtful: () => boolean
}

/**
 * Line of the Dockerfile whose step was under way when a build ended; undefined where that isn't sure. Pure.
 * @param said what Buildah printed at the end
 */
export function lineUnderWay(steps: readonly Step[], { stages }: Dockerfile, said: string): number | undefined {
  const step = stepUnderWay(steps, said)
  if (step === undefined || step.image !== undefined) return undefined
  const stage = stages[step.stage]
  if (step.index === 0) return stage?.line
  const instruction = stage?.instructions[step.index - 1]
  // A base image can add steps of its own by ONBUILD.
  return instruction !== undefined && step.text.startsWith(`${instruction.keyword} `) ? instruction.line : undefined
}

/** The last step; but Buildah 1.23 goes on with the next stage before it says which step of the one before has failed. */
function stepUnderWay(steps: readonly Step[], said: string): Step | undefined {
  const [, failed] = /building at STEP "([^]*?)": /.exec(said.slice(said.lastIndexOf('building at STEP "'))) ?? []
  if (steps.some(({ started }) => started !== undefined)) return stepAmongStages(steps, failed)
  const own = steps.filter(({ index }) => index > 0)
  const open = own.filter(({ image }) => image === undefined)
  const named = open.findLast(({ text }) => text === failed)
  if (named !== undefined) return named
  const last = steps.at(-1)
  const isMixedUp = own.length > 1 && open.length === own.length
  if (last === undefined || isMixedUp) return undefined
  if (failed === undefined || keywordOf(last.text) === keywordOf(failed)) return last
  // Variables in it have their values in what is said, and their names in the step.
  const like = open.findLast(({ text }) => keywordOf(text) === keywordOf(failed))
  return like ?? (last.index === 0 ? undefined : last)
}

/** Where stages are built at once, only what was said tells which of their last steps it is. */
function stepAmongStages(steps: readonly Step[], failed: string | undefined): Step | undefined {
  const isLast = ({ stage, index }: Step) => !steps.some((other) => other.stage === stage && other.index > index)
  const open = steps.filter((step) => step.image === undefined && isLast(step))
  const only = (some: readonly Step[]) => (some.length === 1 ? some[0] : undefined)
  if (failed === undefined) return only(open)
  const isNamed = ({ text }: Step) => text === failed
  // Variables in it have their values in what is said, and their names in the step.
  const isLike = ({ text }: Step) => keywordOf(text) === keywordOf(failed)
  return only(open.filter(steps.some(isNamed) ? isNamed : isLike))
}

function keywordOf(text: string): string {
  return text.split(' ', 1)[0] ?? ''
}

/**
 * Follows a build by what it prints without `--iidfile` (with it, Buildah doesn't name the images of steps that it ran).
 * @param clock milliseconds
 */
export function followProgress(clock: () => number): Progress {
  const steps: Step[] = []
  const started: number[] = []
  /** Places of the steps that are being built: the last one, and those in whose middle another stage was begun. */
  const open: number[] = []
  let isDoubtful = false
  const begin = (step: Step) => {
    const current = steps[open.at(-1) ?? -1]
    const isBetween = step.index === 0 && current !== undefined && current.index > 0 && current.image === undefined
    if (!isBetween) open.pop()
    open.push(steps.length)
    steps.push(step)
    started.push(clock())
  }
  const end = (line: string) => {
    const image = IMAGE.exec(line)?.[2]
    if (image !== undefined && open.length > 1 && hasEnded(steps[open.at(-1) ?? -1], image)) open.pop()
    const place = open.at(-1)
    const step = place === undefined ? undefined : steps[place]
    if (place === undefined || step === undefined) return
    steps[place] = withImage(step, line, (clock() - (started[place] ?? 0)) / 1000)
  }
  const read = (line: string) => {
    const step = readStep(line)
    if (step === undefined) {
      end(line)
      return
    }
    const turn = turnOf(step, steps, steps[open.at(-1) ?? -1])
    if (turn === 'doubtful') isDoubtful = true
    if (turn === 'next') begin(step)
  }
  const lines = lineReader((line) => {
    read(stripVTControlCharacters(line))
  })
  return {
    add: lines,
    steps: () => (isDoubtful ? steps.map((step) => ({ ...step, image: undefined })) : [...steps]),
    isDoubtful: () => isDoubtful,
  }
}

function readStep(line: string): Step | undefined {
  const begun = readStepLine(STEP, line)
  return begun && { ...begun, image: undefined, hit: false, seconds: 0 }
}

/**
 * Whether a line is the next one that Buildah can print. A RUN step can print such lines too, most likely because it runs
 * a build itself; those of a build of another shape are passed over (`foreign`). One of the same shape that has had its
 * turn, or whose turn isn't yet, means that it or one before it isn't Buildah's.
 */
function turnOf(step: Step, steps: readonly Step[], last: Step | undefined): 'next' | 'foreign' | 'doubtful' {
  if (step.stages !== (last?.stages ?? step.stages)) return 'foreign'
  // A stage that needs one which isn't put away yet is put off until others are built.
  const startsStage = step.index === 0 && !steps.some(({ stage }) => stage === step.stage)
  // Behind FROM the number of steps grows by what the base image asks for with ONBUILD.
  const goesOn =
    step.stage === last?.stage && step.index === last.index + 1 && (step.of === last.of || last.index === 0)
  if (startsStage || goesOn) return 'next'
  return step.stages === 1 && step.of !== last?.of ? 'foreign' : 'doubtful'
}

/** Whether the stage of this step is over, and a line names another image than its own. */
function hasEnded(step: Step | undefined, image: string): boolean {
  if (step?.image === undefined || step.index + 1 !== step.of) return false
  return !(step.hit && step.image.startsWith(image))
}

/**
 * The step with the image that a line names, if it does. The last such line before the next step is Buildah's, whatever
 * the step has printed. A step that is taken from the cache has two: the whole id, and its first characters.
 */
function withImage(step: Step, line: string, seconds: number): Step {
  const [matched, cached, image] = IMAGE.exec(line) ?? []
  if (matched === undefined || image === undefined) return step
  if (step.image?.startsWith(image) === true) return { ...step, seconds }
  return { ...step, image, hit: cached !== undefined, seconds }
}
