import { readsBelow } from '../../dockerfile/reading.js'
import type { Step } from '../../engine/progress.js'
import { isUnexplained } from '../../engine/unexplained-failures.js'
import { CommandError } from '../../exec.js'
import { lastLine } from '../../errors.js'
import { warn } from '../../log.js'
import { type RestoredCache, sayRestored } from './restore-cache.js'

/** Something has read layers whose files have no content, or may have: what was made of them is of no use. */
export class ReadSkeletonError extends Error {}

/** @throws ReadSkeletonError where what was built isn't known to have read only what is there */
export async function checkSkeletons({ warm }: RestoredCache, steps: readonly Step[]): Promise<void> {
  const skeletons = warm.skeletons()
  if (skeletons === undefined) return
  const why = whyRead(steps, skeletons.stages) ?? (await skeletons.findContent())
  if (why !== undefined) throw new ReadSkeletonError(why)
}

/**
 * Why steps may have read files without content, by what the engine has printed; undefined if none has. Pure.
 * @param stages that stand on such layers
 */
export function whyRead(steps: readonly Step[], stages: ReadonlySet<number>): string | undefined {
  const own = steps.filter(({ index }) => index > 0)
  // Then nobody knows which line of the output is of which step.
  if (own.length > 0 && own.every(({ image }) => image === undefined)) return 'its steps are not known'
  const ran = own.find(({ stage, hit, text }) => stages.has(stage) && !hit && readsBelow(text))
  return ran && `${ran.text.split(/\s/, 1)[0] ?? ''} ran on layers without file contents`
}

/**
 * Brings all layers back whole, where a build or a push has failed that had some without contents: these may be why.
 * @throws the error, where they are not
 */
export async function replaceAfter(error: unknown, cache: RestoredCache, isBuilt: boolean): Promise<void> {
  const skeletons = cache.warm.skeletons()
  if (skeletons === undefined || !(error instanceof Error) || !mayBeOfSkeletons(error, isBuilt)) throw error
  const isOfPush = isBuilt && !(error instanceof ReadSkeletonError)
  const why = isOfPush ? 'the push may have needed the contents of files' : lastLine(error)
  warn(`Cache: building once more with whole layers: ${why}`)
  const restored = await skeletons.replace().catch(() => {
    throw error
  })
  sayRestored(cache, { ...cache.warm, restored })
}

/** A build reads them in more ways than it tells of; of a push it is known what it says then. */
function mayBeOfSkeletons(error: Error, isBuilt: boolean): boolean {
  if (error instanceof ReadSkeletonError || isUnexplained(error)) return true
  const exitCode = error.cause instanceof CommandError ? error.cause.exitCode : undefined
  const isEnded = exitCode !== undefined && (exitCode < 0 || exitCode > 128)
  return !isBuilt && !isEnded
}
