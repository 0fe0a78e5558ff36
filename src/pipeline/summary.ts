import { formatPlatform } from '../lib/platform.js'
import { formatReference } from '../metadata/reference.js'
import { renderSummary } from '../report/summary.js'
import type { Inputs } from '../runner/inputs.js'
import type { Result } from './result.js'

/** The job summary of a run, as Markdown. @param warnings that were logged. Pure. */
export function summaryOf(result: Result, { tests }: Pick<Inputs, 'tests'>, warnings: readonly string[]): string {
  const { metadata, pushed, size, engine, cache, phases, steps, builtEarlier, platforms, stages, verifications } =
    result
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
    platforms: [
      ...(stages === undefined ? [] : [{ ...stages, platform: stages.label, digest: undefined }]),
      ...platforms.map((one) => ({
        ...one,
        platform: formatPlatform(one.platform),
        digest: one.pushed[0]?.digest,
      })),
    ],
  })
}
