import type { Analysis, Origin, StageAnalysis, StepAnalysis } from './analysis.js'
import { mayDownloadOther, neededStages } from './dependencies.js'
import { parentOf } from './stage-platforms.js'
import type { StageKeys } from './step-keys.js'

/** What a build may read of the layers that are there already. */
export interface Reading {
  /** All up to the target, which is the last one. */
  readonly stages: readonly StageReading[]
  /** Images that COPY or a mount takes files from, as they are written. */
  readonly images: ReadonlySet<string>
}

export interface StageReading {
  /** Index of the stage or name of the image, as it is written, that it stands on; undefined for `scratch`. */
  readonly base: { readonly stage: number } | { readonly image: string } | undefined
  /** One for each instruction but FROM. */
  readonly steps: readonly StepReading[]
  /** Whether something takes files from it, or it isn't clear whether it is built. */
  readonly isRead: boolean
}

export interface StepReading {
  /** As in `StageKeys`. */
  readonly key: string | undefined
  /** The same; undefined also where the step downloads something, since nobody knows before whether it is another one now. */
  readonly content: string | undefined
  /** Whether it reads files of the layers below it when it runs. */
  readonly readsBelow: boolean
  /** Indices of the stages that it takes files from. */
  readonly sources: readonly number[]
}

/**
 * Instructions that read no file of the layers below but those that tell users and groups. RUN reads anything, and ADD
 * what a hard link in an archive leads to.
 */
const BLIND: ReadonlySet<string> = new Set(
  (
    'ARG CMD COMMIT COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER SHELL STOPSIGNAL USER VOLUME ' +
    'WORKDIR'
  ).split(' '),
)

/** Whether an instruction of this text, as an engine prints it, reads files of the layers below it. Pure. */
export function readsBelow(text: string): boolean {
  return !BLIND.has((text.trimStart().split(/\s/, 1)[0] ?? '').toUpperCase())
}

/**
 * What the stages up to the target (its index) read. Pure.
 * @returns or why that isn't known, as a sentence without its full stop
 */
export function readingOf(
  analysis: Analysis,
  keys: readonly StageKeys[],
  target: number,
): Reading | { readonly why: string } {
  const stages = analysis.stages.slice(0, target + 1)
  const why = whyUnknown(analysis, stages)
  if (why !== undefined) return { why }
  const sources = stages.flatMap(({ steps }) => steps.flatMap(sourcesOf))
  const read = new Set(sources.flatMap((origin) => origin.stages))
  const needed = neededStages(analysis, target)
  return {
    images: new Set(sources.flatMap((origin) => imageOf(origin) ?? [])),
    stages: stages.map((stage, index) => ({
      base: baseOf(stage),
      steps: stage.steps.map((step, place) => stepReading(step, keys[index], place + 1)),
      isRead: read.has(index) || !needed.includes(index),
    })),
  }
}

function stepReading(step: StepAnalysis, keys: StageKeys | undefined, index: number): StepReading {
  return {
    key: keys?.keys[index],
    content: mayDownloadOther(step) ? undefined : keys?.contents[index],
    readsBelow: readsBelow(step.instruction.keyword),
    sources: sourcesOf(step).flatMap(({ stages }) => stages),
  }
}

function whyUnknown({ dockerfile }: Analysis, stages: readonly StageAnalysis[]): string | undefined {
  if (dockerfile.ambiguous !== undefined) return `line ${dockerfile.ambiguous} can be read in two ways`
  for (const { stage, base, platform, steps } of stages) {
    if ('unknown' in platform || platform.known !== '') return `line ${stage.line} names a platform`
    for (const { instruction, triggers } of steps)
      if (triggers.length > 0 || instruction.keyword === 'ONBUILD') return `line ${instruction.line} has ONBUILD`
    for (const origin of [base, ...steps.flatMap(sourcesOf)])
      if (isUnclear(origin)) return `it isn't clear where stage ${stage.name ?? stage.base} takes files from`
  }
  return undefined
}

function sourcesOf({ copy, mounts }: StepAnalysis): Origin[] {
  return [copy?.from, ...mounts.map(({ from }) => from)].filter((origin) => origin !== undefined)
}

/** Whether it may be something else: another stage, or a further build context. */
function isUnclear(origin: Origin): boolean {
  if ('unknown' in origin || origin.stages.length > 1) return true
  return origin.known.isOtherCase || origin.known.contexts.length > 0
}

function imageOf(origin: Origin): string | undefined {
  return 'known' in origin ? origin.known.image : undefined
}

function baseOf({ base }: StageAnalysis): StageReading['base'] {
  const stage = parentOf(base)
  if (stage !== undefined) return { stage }
  const image = imageOf(base)
  return image === undefined ? undefined : { image }
}
