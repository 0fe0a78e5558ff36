import { targetIndex } from '../../dockerfile/dockerfile.js'
import { scanExtras } from '../../dockerfile/scan-extras.js'
import type { BuildSpec, ScanRequest } from '../../engine/engine.js'
import type { Step } from '../../engine/progress.js'
import type { Env } from '../../exec.js'
import { quote } from '../../lib/quote.js'
import { warn } from '../../log.js'
import type { SbomOptions } from '../../runner/attestation-inputs.js'
import { analysisOf } from '../../source/analysis.js'

/** A folder, and an attribute of a mount, can be called so. */
const NAME = /^[a-z0-9][\w.-]*$/

/**
 * What the generator of the input `sbom` is to be shown of a build that has ended.
 * @param steps of the build: the image of a stage is that of its last step
 * @param env of the engine
 */
export function scanRequest(
  { generator, parameters }: SbomOptions,
  { inputs, source }: Pick<BuildSpec, 'inputs' | 'source'>,
  steps: readonly Step[],
  env: Env,
): ScanRequest {
  const target = targetIndex(source.dockerfile, source.target)
  const { context, stages } = scanExtras(analysisOf(inputs, source.dockerfile, env), target)
  const found = stages.flatMap(({ index, name }) => {
    const image = imageOf(index, steps)
    if (image !== undefined && NAME.test(name)) return [{ name, image }]
    warn(`SBOM: stage ${quote(name)} isn't scanned (BUILDKIT_SBOM_SCAN_STAGE), since its image isn't known`)
    return []
  })
  // A stage that is called so takes its place.
  const isFree = !found.some(({ name }) => name === 'context')
  return { generator, parameters, stages: found, context: context && isFree ? source : undefined }
}

/** Undefined where a stage has no steps, or what they printed can't be told apart from what RUN prints. */
function imageOf(stage: number, steps: readonly Step[]): string | undefined {
  const last = steps.findLast((step) => step.stage === stage)
  const isEnd = last !== undefined && last.index > 0 && last.index + 1 === last.of
  return isEnd && last.image !== '' ? last.image : undefined
}
