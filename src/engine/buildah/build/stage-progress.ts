import { stripVTControlCharacters } from 'node:util'
import { lineReader } from '../../../lib/lines.js'
import { IMAGE, readStepLine, STAGE_STEP, type StepLine } from '../../step-lines.js'

/** An image that was named while a step was under way, by that step or by another one. */
export interface NamedImage {
  /** Its id, or the first characters of it. */
  readonly image: string
  /** Whether a line said that it comes from the cache. */
  readonly hit: boolean
  /** When a line named it last, in seconds since the first step began. */
  readonly at: number
}

/** A step of one of several stages that are built at once. */
export interface StageStep extends StepLine {
  /** Seconds since the first step began. */
  readonly started: number
  /** Its own image is among these, if it has ended. */
  readonly named: readonly NamedImage[]
}

/** What a build has printed that builds several stages at once. */
export interface StageProgress {
  /** Takes what Buildah prints on standard output, in chunks of any size. */
  readonly add: (chunk: Uint8Array) => void
  /** The steps so far, in the order of the Dockerfile. */
  readonly steps: () => readonly StageStep[]
  /** Stages, from 0, of which a line has come out of turn: some step prints what looks like Buildah's own lines. */
  readonly doubtful: () => ReadonlySet<number>
  /** How many lines have named an image, by what they named, with and without word of the cache. */
  readonly lines: () => ReadonlyMap<string, { readonly hits: number; readonly others: number }>
}

/** No build has as many steps; a RUN that prints more such lines has nothing of it. */
const MAX_IMAGES = 10_000

interface Begun extends Omit<StageStep, 'named'> {
  readonly named: Map<string, NamedImage>
}

/**
 * Follows a build of several stages at once. Buildah writes the number of the stage before its steps, and nothing before
 * the images that they give, nor before the output of RUN: only the order of the lines is known.
 * @param clock milliseconds
 */
export function followStages(clock: () => number): StageProgress {
  const stages = new Map<number, Begun[]>()
  const doubtful = new Set<number>()
  const lines = new Map<string, { hits: number; others: number }>()
  let begun: number | undefined
  const now = () => (clock() - (begun ??= clock())) / 1000
  const begin = (step: StepLine) => {
    const own = stages.get(step.stage) ?? []
    const [first] = [...stages.values()].flat()
    const turn = turnOf(step, own.at(-1), first?.stages ?? step.stages)
    if (turn === 'doubtful') doubtful.add(step.stage)
    if (turn === 'next') stages.set(step.stage, [...own, { ...step, started: now(), named: new Map() }])
  }
  const name = (image: string, hit: boolean) => {
    const { hits, others } = lines.get(image) ?? { hits: 0, others: 0 }
    if (lines.size < MAX_IMAGES) lines.set(image, hit ? { hits: hits + 1, others } : { hits, others: others + 1 })
    for (const [stage, own] of stages) {
      const named = own.at(-1)?.named
      if (lines.size >= MAX_IMAGES) doubtful.add(stage)
      else named?.set(image, { image, hit: hit || named.get(image)?.hit === true, at: now() })
    }
  }
  return {
    add: lineReader((line) => {
      const plain = stripVTControlCharacters(line)
      const step = readStepLine(STAGE_STEP, plain)
      const [, cached, image] = IMAGE.exec(plain) ?? []
      if (step !== undefined) begin(step)
      else if (image !== undefined) name(image, cached !== undefined)
    }),
    steps: () =>
      [...stages.values()]
        .flatMap((own) => own.map((step) => ({ ...step, named: [...step.named.values()] })))
        .sort((one, other) => one.stage - other.stage || one.index - other.index),
    doubtful: () => doubtful,
    lines: () => lines,
  }
}

/** Whether a step is the one that its stage has next. A RUN may print lines of another build, which are passed over. */
function turnOf(step: StepLine, last: Begun | undefined, stages: number): 'next' | 'foreign' | 'doubtful' {
  if (step.stages !== stages || step.stage >= stages) return 'foreign'
  if (last === undefined) return step.index === 0 ? 'next' : 'doubtful'
  // Behind FROM the number of steps grows by what the base image asks for with ONBUILD.
  return step.index === last.index + 1 && (step.of === last.of || last.index === 0) ? 'next' : 'doubtful'
}
