import lt from 'semver/functions/lt.js'
import type { ContainersStorage } from '../build-storage.js'
import type { CachePlan } from '../cache/plan.js'
import { dependenciesOf, neededStages } from '../dockerfile/dependencies.js'
import { targetIndex } from '../dockerfile/dockerfile.js'
import { type StageKeys, stepKeys } from '../dockerfile/step-keys.js'
import { info } from '../log.js'
import { analysisOf } from '../source/analysis.js'
import { type Building, stepInputsOf } from '../up-to-date/step-inputs.js'
import { untrackedInput } from '../up-to-date/untracked-input.js'

/** The first release that builds only the stages that the target needs. */
const SKIPS_STAGES_SINCE = '1.28.0'

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

/** What each step has copied, by its key, of the stages that are built or read. */
export function keysToRestore(
  keys: readonly StageKeys[],
  spec: Building,
  store: ContainersStorage,
): ReadonlyMap<string, string | undefined> {
  const isBuilt = builtStages(spec, store)
  return new Map(
    keys.flatMap((stage, number) =>
      isBuilt(number)
        ? stage.keys.flatMap((key, index) => (key === undefined ? [] : [[key, stage.contents[index]] as const]))
        : [],
    ),
  )
}

/** Which stages are built, by their numbers. Where that can't be told, all of them may be. */
function builtStages({ inputs, source }: Building, { version, env }: ContainersStorage): (stage: number) => boolean {
  const { dockerfile, target } = source
  const analysis = analysisOf(inputs, dockerfile, env)
  const last = targetIndex(dockerfile, target)
  const isOpen = dependenciesOf(analysis, last).doubts.length > 0 || inputs.extraArgs.length > 0
  if (isOpen || lt(version, SKIPS_STAGES_SINCE)) return () => true
  const needed = new Set(neededStages(analysis, last))
  return (stage) => needed.has(stage)
}
