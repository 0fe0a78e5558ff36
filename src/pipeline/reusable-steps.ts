import type { ContainersStorage } from '../build-storage.js'
import type { CachePlan } from '../cache/open.js'
import type { Analysis } from '../dockerfile/analysis.js'
import { forgettable } from '../dockerfile/cache-key-gaps.js'
import { targetIndex } from '../dockerfile/dockerfile.js'
import { type StageKeys, stepKeys, type StepInputs } from '../dockerfile/step-keys.js'
import type { BuildRequest } from '../engine/engine.js'
import { info } from '../log.js'
import { analysisOf } from '../source/analysis.js'
import { type Building, stepInputsOf, untrackedInput } from '../up-to-date/step-inputs.js'

/** What a build may reuse of earlier ones. */
export interface ReusableSteps {
  /** Keys of the steps, by stage; empty where no step may be reused. */
  readonly keys: readonly StageKeys[]
  /** Repositories that Buildah reads steps from and writes them to by itself. */
  readonly remote: BuildRequest['remote']
}

/** Computes the keys by which steps are compared, and logs why steps are not reused. */
export async function reusableSteps(spec: Building, store: ContainersStorage, plan: CachePlan): Promise<ReusableSteps> {
  const { inputs, source } = spec
  const { dockerfile, target } = source
  const stepInputs = await stepInputsOf(spec, store)
  const analysis = analysisOf(inputs, dockerfile, store.env)
  const hidden = untrackedInput(inputs, source)
  const isUsed = (plan.read || plan.write) && hidden === undefined
  const keys = isUsed ? stepKeys(analysis, stepInputs, targetIndex(dockerfile, target)) : []
  if (plan.isStored) {
    if (hidden !== undefined)
      info(`Cache: rebuilding without the cache, since ${hidden} may change the image in ways that can't be detected`)
    for (const { unknown } of keys) {
      if (unknown !== undefined)
        info(`Cache: rebuilding the rest of the stage from line ${unknown.line}: ${unknown.why}`)
    }
  }
  return { keys, remote: freshRepositories(plan, analysis, stepInputs) }
}

/** The repositories of the plan, without those that Buildah would read stale steps from. */
function freshRepositories(
  { repositories }: CachePlan,
  analysis: Analysis,
  stepInputs: StepInputs,
): BuildRequest['remote'] {
  const flaw = repositories.from.length === 0 ? undefined : forgettable(analysis, stepInputs)
  if (flaw === undefined) return repositories
  info(`Cache: not reading from ${repositories.from.join(', ')}, since steps could be stale: ${flaw}`)
  return { ...repositories, from: [] }
}
