import type { ContainersStorage } from '../../build-storage.js'
import type { CachePlan } from '../../cache/plan.js'
import { targetIndex } from '../../dockerfile/dockerfile.js'
import { type StageKeys, stepKeys } from '../../dockerfile/step-keys.js'
import { info } from '../../log.js'
import { analysisOf } from '../../source/analysis.js'
import { type Building, stepInputsOf } from '../../up-to-date/step-inputs.js'
import { untrackedInput } from '../../up-to-date/untracked-input.js'

/** Computes the keys by which steps are compared, by stage, and logs why steps are not reused; empty where none may be. */
export async function reusableSteps(spec: Building, store: ContainersStorage, plan: CachePlan): Promise<StageKeys[]> {
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
  return keys
}
