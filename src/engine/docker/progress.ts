import { stripVTControlCharacters } from 'node:util'
import type { Dockerfile, Instruction } from '../../dockerfile/dockerfile.js'
import { lineReader } from '../../lib/lines.js'
import type { Progress, Step } from '../progress.js'

export interface DockerProgress extends Pick<Progress, 'add' | 'steps'> {
  /** The step that the build has failed at; undefined where none has. */
  readonly failed: () => Step | undefined
  /** References that have arrived in their registry, so far. */
  readonly pushed: () => readonly string[]
  /** Digest of the image's configuration; undefined until it is made. */
  readonly config: () => string | undefined
  /** Why the steps could not be left for later builds; undefined where nothing was wrong. */
  readonly cacheFailure: () => string | undefined
}

/** `#7 [build 2/5] RUN make`; the stage is left out where there is one only, a platform may stand before it. */
const VERTEX = /^#(\d{1,6}) \[(?:[^\] ]+\/[^\] ]+ )?(?:([^\] /]+) )?(\d{1,4})\/(\d{1,4})\] (.*)$/
const VERTEX_END = /^#(\d{1,6}) (CACHED|DONE ([\d.]+)s|ERROR|CANCELED)/
const PUSHED = /^#\d{1,6} pushing manifest for (\S+)@sha256:[0-9a-f]{64} (?:[\d.]+s )?done$/
const CONFIG = /^#\d{1,6} exporting config (sha256:[0-9a-f]{64}) (?:[\d.]+s )?done$/
const CACHE_EXPORT = /^#(\d{1,6}) exporting cache to /
const FAILED = /^#(\d{1,6}) ERROR: (.*)$/

/**
 * Follows a build of BuildKit by its plain progress. What steps print stands behind the number and the time of its step
 * there, so that nothing of it can be taken for a line of BuildKit.
 * @param names of the stages, in lower case, undefined where they have none
 */
export function followBuildkit(names: readonly (string | undefined)[], target: number): DockerProgress {
  const steps = new Map<string, Step>()
  const pushed = new Set<string>()
  const caches = new Set<string>()
  let failed: string | undefined
  let config: string | undefined
  let cacheFailure: string | undefined
  const readStep = (line: string) => {
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
    // '' means that the step ended well: BuildKit names no images.
    steps.set(which, { ...step, image: isDone ? '' : undefined, hit: how === 'CACHED', seconds: Number(seconds ?? 0) })
  }
  const readResult = (line: string) => {
    const [, reference] = PUSHED.exec(line) ?? []
    if (reference !== undefined) pushed.add(reference)
    config = CONFIG.exec(line)?.[1] ?? config
    const [, cache] = CACHE_EXPORT.exec(line) ?? []
    if (cache !== undefined) caches.add(cache)
    const [, which = '', why] = FAILED.exec(line) ?? []
    if (caches.has(which)) cacheFailure ??= why
  }
  return {
    add: lineReader((line) => {
      const plain = stripVTControlCharacters(line)
      readStep(plain)
      readResult(plain)
    }),
    steps: () => [...steps.values()],
    // Other steps run at the same time, and are cancelled because of it.
    failed: () => steps.get(failed ?? ''),
    pushed: () => [...pushed],
    config: () => config,
    cacheFailure: () => cacheFailure,
  }
}

/** Line of the Dockerfile whose step has failed; undefined where that isn't sure. */
export function failedLine(progress: DockerProgress, { stages }: Dockerfile): number | undefined {
  const step = progress.failed()
  const stage = stages[step?.stage ?? -1]
  if (step === undefined || stage === undefined) return undefined
  if (step.index === 0) return stage.line
  const counted = stage.instructions.filter(isVertex)
  // BuildKit counts FROM where it is an image, which it has to look up.
  const hasFrom = progress.steps().some((other) => other.stage === step.stage && other.index === 0)
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
