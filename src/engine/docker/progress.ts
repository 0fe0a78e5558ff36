import { stripVTControlCharacters } from 'node:util'
import type { Dockerfile, Instruction } from '../../dockerfile/dockerfile.js'
import { lineReader } from '../lines.js'
import type { Progress, Step } from '../progress.js'

export interface DockerProgress extends Pick<Progress, 'add' | 'steps'> {
  /** The step that the build has failed at; undefined where none has. */
  readonly failed: () => Step | undefined
}

/** `#7 [build 2/5] RUN make`; the stage is left out where there is one only, a platform may stand before it. */
const VERTEX = /^#(\d{1,6}) \[(?:[^\] ]+\/[^\] ]+ )?(?:([^\] /]+) )?(\d{1,4})\/(\d{1,4})\] (.*)$/
const VERTEX_END = /^#(\d{1,6}) (CACHED|DONE ([\d.]+)s|ERROR|CANCELED)/
/** `Step 2/9 : RUN make` */
const CLASSIC = /^Step (\d{1,4})\/(\d{1,4}) : (.*)$/

/**
 * Follows a build of BuildKit by its plain progress. What steps print stands behind the number and the time of its step
 * there, so that nothing of it can be taken for a line of BuildKit.
 * @param names of the stages, in lower case, undefined where they have none
 */
export function followBuildkit(names: readonly (string | undefined)[], target: number): DockerProgress {
  const steps = new Map<string, Step>()
  let failed: string | undefined
  const read = (line: string) => {
    const [begun, number = '', stage, position, of, text = ''] = VERTEX.exec(line) ?? []
    if (begun !== undefined && !steps.has(number)) {
      const index = text.startsWith('FROM ') ? 0 : Number(position)
      const step = { stage: stageOf(stage, names, target), stages: names.length, index, of: Number(of), text }
      steps.set(number, { ...step, image: undefined, hit: false, seconds: 0 })
    }
    const [ended, which = '', how, seconds] = VERTEX_END.exec(line) ?? []
    const step = steps.get(which)
    if (ended === undefined || step === undefined) return
    const isDone = how === 'CACHED' || seconds !== undefined
    if (how === 'ERROR') failed ??= which
    // What names no image here says that the step has ended well.
    steps.set(which, { ...step, image: isDone ? '' : undefined, hit: how === 'CACHED', seconds: Number(seconds ?? 0) })
  }
  return {
    add: lineReader((line) => {
      read(stripVTControlCharacters(line))
    }),
    steps: () => [...steps.values()],
    // Others are begun beside it, and given up for it.
    failed: () => steps.get(failed ?? ''),
  }
}

/**
 * Follows a build of the classic builder, whose lines a step can print as well: a step counts only when it is the next
 * one, and comes from the cache only when that is said at once.
 * @param counts how many instructions each stage has; those behind them are added for labels, and left out here
 * @param clock milliseconds
 */
export function followClassic(counts: readonly number[], clock: () => number): DockerProgress {
  const steps: Step[] = []
  let started = 0
  let isFirst = false
  let stage = -1
  const end = () => {
    const last = steps.pop()
    if (last !== undefined) steps.push({ ...last, image: '', seconds: last.hit ? 0 : (clock() - started) / 1000 })
  }
  const read = (line: string) => {
    const [begun, position, of, text = ''] = CLASSIC.exec(line) ?? []
    const last = steps.at(-1)
    if (begun !== undefined && Number(position) === steps.length + 1 && (last?.of ?? Number(of)) === Number(of)) {
      end()
      const isFrom = /^FROM\s/i.test(text)
      if (isFrom) stage += 1
      const index = isFrom ? 0 : (last?.index ?? 0) + 1
      steps.push({ stage, stages: 0, index, of: Number(of), text, image: undefined, hit: false, seconds: 0 })
      started = clock()
      isFirst = true
      return
    }
    if (isFirst && line === ' ---> Using cache' && last !== undefined) steps[steps.length - 1] = { ...last, hit: true }
    isFirst = false
    if (/^Successfully built [0-9a-f]{12}$/.test(line)) end()
  }
  const isOwn = ({ stage: own, index }: Step) => index <= (counts[own] ?? Infinity)
  const failed = () => (steps.at(-1)?.image === undefined ? steps.at(-1) : undefined)
  return { add: lineReader(read), steps: () => steps.filter(isOwn), failed }
}

/** Line of the Dockerfile whose step has failed; undefined where that isn't sure. */
export function failedLine(progress: DockerProgress, { stages }: Dockerfile, isClassic: boolean): number | undefined {
  const step = progress.failed()
  const stage = stages[step?.stage ?? -1]
  if (step === undefined || stage === undefined) return undefined
  if (step.index === 0) return stage.line
  const counted = isClassic ? stage.instructions : stage.instructions.filter(isVertex)
  // BuildKit counts FROM where it is an image, which it has to look up.
  const hasFrom = !isClassic && progress.steps().some((other) => other.stage === step.stage && other.index === 0)
  const instruction = counted[step.index - (hasFrom ? 2 : 1)]
  return instruction !== undefined && step.text.startsWith(instruction.keyword) ? instruction.line : undefined
}

/** Everything else only changes the configuration of the image, which BuildKit doesn't count. */
function isVertex({ keyword }: Instruction): boolean {
  return ['RUN', 'COPY', 'ADD', 'WORKDIR'].includes(keyword)
}

function stageOf(written: string | undefined, names: readonly (string | undefined)[], target: number): number {
  if (written === undefined) return target
  const named = names.indexOf(written.toLowerCase())
  return named >= 0 ? named : Number(/^stage-(\d+)$/.exec(written)?.[1] ?? target)
}
