import { createHash } from 'node:crypto'
import { type Ahead, reportSaved } from '../../cache/cache.js'
import { type RecordedStep, recordedSteps } from '../../dockerfile/recorded-steps.js'
import type { StageKeys } from '../../dockerfile/step-keys.js'
import type { Engine, Pushed } from '../../engine/engine.js'
import type { Step } from '../../engine/progress.js'
import { formatReference, type Reference, repositoryOf } from '../../metadata/reference.js'
import { describe } from '../../errors.js'
import { info, result, warn } from '../../log.js'
import { type CacheFacts, type CacheReport, renderCache, reportCache } from '../../report/cache-stats.js'
import type { RestoredCache } from './restore-cache.js'

/** What a run did, as far as it came. */
export interface Run {
  readonly steps: readonly Step[]
  readonly imageId: string | undefined
  readonly references: readonly Reference[]
  readonly pushed: readonly Pushed[]
}

/** Keeps what is quickly kept while the image is pushed, so that less is left to do after that. Never throws. */
export async function saveBesidePush({ warm, keys }: RestoredCache, run: Run): Promise<void> {
  await warm.ahead?.finish(leftBy(run, keys))
}

/** Keeps what is new, as far as it is quick, and says what the cache was good for. Never throws. */
export async function saveCache(
  { cache, plan, warm, keys, stagingDir }: RestoredCache,
  run: Run,
  failed: boolean,
): Promise<{ report: CacheReport; later: string | undefined }> {
  const saved = await warm.save({ ...leftBy(run, keys), pushed: digestOf(run), failed })
  const steps = countSteps({ warm, keys }, run.steps)
  const report = reportCache({
    ...{ steps, restored: warm.restored, saved, requests: cache.requests() },
    isOff: plan.kind === 'off',
  })
  if (stagingDir !== undefined) {
    const line = renderCache(report)
    if (line !== undefined) result(`Cache: ${line}`)
    const recorded = recordsOf(run.steps, keys)
    if (recorded.length === 0 && run.steps.some(({ image }) => image !== undefined) && keys.length > 0)
      info('Cache: no steps saved; Buildah ran other steps than those of the Dockerfile (ONBUILD in a base image?)')
    reportSaved(saved)
  }
  return { report, later: saved.later }
}

/** What the cache was good for in each step of the Dockerfile that was begun. */
export function countSteps(
  { warm, keys }: Pick<RestoredCache, 'warm' | 'keys'>,
  steps: readonly Step[],
): CacheFacts['steps'] {
  const recorded = recordsOf(steps, keys)
  const took = (printed: Step) => {
    const key = keys.length === 0 ? keyOf(printed) : recorded.find((step) => step.image === printed.image)?.key
    return key === undefined ? 0 : (warm.restored.stepSeconds.get(key) ?? 0)
  }
  return steps
    .filter(({ stage, index }) => index > 0 && index < instructionsOf(keys[stage]))
    .map((step) => ({ hit: step.hit, savedSeconds: step.hit ? took(step) : 0 }))
}

function leftBy({ steps, references, imageId }: Run, keys: readonly StageKeys[]): Parameters<Ahead['finish']>[0] {
  const ours = references.map(formatReference)
  return { steps: recordsOf(steps, keys), ours, imageId: imageId?.replace(/^sha256:/, '') }
}

function recordsOf(steps: readonly Step[], keys: readonly StageKeys[]): RecordedStep[] {
  return keys.length === 0 ? steps.flatMap(recordedByText) : recordedSteps(steps, keys)
}

/** A step of an engine that names no images: only how long it took is remembered. */
function recordedByText(step: Step): RecordedStep[] {
  const { image, hit, seconds } = step
  return image === undefined ? [] : [{ image, key: keyOf(step), content: undefined, hit, seconds }]
}

function keyOf({ stage, text }: Step): string {
  return createHash('sha256').update(`${stage} ${text}`).digest('hex')
}

/** How many steps of a stage are the Dockerfile's own, FROM included; all where nothing is known of it. */
function instructionsOf(stage: StageKeys | undefined): number {
  return stage === undefined ? Infinity : stage.keys.length - stage.added
}

/** What was pushed where: Buildah learns by it where layers are. */
function digestOf({ imageId, pushed }: Run): string | undefined {
  if (imageId === undefined || pushed.length === 0) return undefined
  const names = pushed.map(({ reference }) => formatReference(repositoryOf(reference))).sort()
  return createHash('sha256')
    .update(JSON.stringify([imageId, names]))
    .digest('hex')
}

/** What the cache doesn't get is no reason to fail. */
export async function saveSteps(engine: Pick<Engine, 'saveSteps'>): Promise<void> {
  await engine.saveSteps().catch((error: unknown) => {
    warn(`Cache: could not save the steps of this build. ${describe(error)}`)
  })
}
