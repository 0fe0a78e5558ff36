import type { Step } from '../engine/progress.js'
import { formatPlatform } from '../lib/platform.js'
import { formatReference } from '../metadata/reference.js'
import { NO_CACHE_REPORT } from '../report/cache-stats.js'
import { renderFailure } from '../report/failure.js'
import { type PlatformFacts, renderSummary } from '../report/summary.js'
import { BUILD, type Phase } from '../report/timeline.js'
import type { Inputs } from '../runner/inputs.js'
import { errorFacts } from './error-facts.js'
import type { Result } from './result.js'
import { type Books, resultSoFar } from './run-record.js'

/** The job summary of a run, as Markdown. @param warnings that were logged. Pure. */
export function summaryOf(result: Result, { tests }: Pick<Inputs, 'tests'>, warnings: readonly string[]): string {
  const { metadata, pushed, size, engine, cache, phases, steps, builtEarlier, verifications } = result
  const digests = new Map(pushed.map(({ reference, digest }) => [formatReference(reference), digest]))
  const references = metadata.references.map(formatReference)
  const pulls = pushed.map(({ reference: { registry, repository }, digest }) =>
    formatReference({ registry, repository, digest }),
  )
  return renderSummary({
    references: references.map((reference) => ({ reference, digest: digests.get(reference) })),
    pulls: [...new Set(pulls)],
    verifications,
    ...{
      engine: engine?.label,
      rootless: engine?.rootless === true,
      builtEarlier,
      size,
      cache,
      warnings,
      phases,
      steps,
    },
    tests: tests.length,
    platforms: buildsOf(result),
  })
}

/** Each of several builds, first that of the stages that they share. Pure. */
export function buildsOf({
  platforms,
  stages,
}: Pick<Result, 'platforms' | 'stages'>): (PlatformFacts & Pick<Result, 'steps'>)[] {
  return [
    ...(stages === undefined ? [] : [{ ...stages, platform: stages.label, digest: undefined }]),
    ...platforms.map((one) => ({
      ...one,
      platform: formatPlatform(one.platform),
      digest: one.pushed[0]?.digest,
    })),
  ]
}

/**
 * The job summary of a run that has failed, as Markdown. Pure.
 * @param workspace absolute path
 * @param warnings that were logged
 */
export function failureSummaryOf(error: unknown, books: Books, workspace: string, warnings: readonly string[]): string {
  const result = resultSoFar(books)
  const phases = books.timeline.phases()
  const phase = phases.find(({ failed }) => failed === true)
  const steps = result?.steps ?? []
  const builds = result === undefined ? [] : buildsOf(result)
  const step = phase?.name === BUILD ? failedStep([{ platform: undefined, steps }, ...builds], phase) : undefined
  const marked = (some: readonly Step[]) => some.map((one) => (one === step ? { ...one, failed: true } : one))
  return renderFailure({
    ...{ error: errorFacts(error, workspace), phase, step, engine: result?.engine?.label, warnings, phases },
    cache: result?.cache ?? NO_CACHE_REPORT,
    pushed: (result?.pushed ?? []).map(({ reference, digest }) => formatReference({ ...reference, digest })),
    steps: marked(steps),
    platforms: builds.map((one) => ({ ...one, steps: marked(one.steps) })),
  })
}

/** The only step of a build that has begun and not ended; undefined where there are several. */
function failedStep(
  builds: readonly { readonly platform: string | undefined; readonly steps: readonly Step[] }[],
  phase: Phase,
): Step | undefined {
  const steps = builds.find(({ platform }) => platform === phase.platform)?.steps ?? []
  // FROM gives no image of its own, and has ended where another step follows.
  const isOpen = ({ index, image }: Step, place: number) =>
    image === undefined && (index > 0 || place === steps.length - 1)
  const [step, ...others] = steps.filter(isOpen)
  return others.length === 0 ? step : undefined
}
