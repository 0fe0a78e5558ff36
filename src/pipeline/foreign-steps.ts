import { targetIndex } from '../dockerfile/dockerfile.js'
import { runSteps } from '../dockerfile/run-steps.js'
import type { Platform } from '../lib/platform.js'
import { forPlatform, isForeign } from '../runner/platform-inputs.js'
import { analysisOf } from '../source/analysis.js'
import type { Wanted } from './engine.js'

/** Whether a build for a platform runs programs of another one than the machine's. Pure. */
export function runsForeignPrograms({ inputs, source }: Pick<Wanted, 'inputs' | 'source'>, target: Platform): boolean {
  const { dockerfile, target: stage } = source
  const analysis = analysisOf(forPlatform(inputs, target), dockerfile, undefined)
  return runSteps(analysis, targetIndex(dockerfile, stage), target).some(({ platform }) => isForeign(platform))
}
