import { targetIndex } from '../../dockerfile/dockerfile.js'
import { runSteps } from '../../dockerfile/run-steps.js'
import type { ResolvedEngine } from '../../engine/engine.js'
import type { Platform } from '../../lib/platform.js'
import { forPlatform } from '../../runner/platform-inputs.js'
import { analysisOf } from '../../source/analysis.js'
import type { Wanted } from '../engine.js'

/** Whether a build for a platform has steps that run in an emulator. Pure. */
export function hasEmulatedSteps(
  { inputs, source }: Pick<Wanted, 'inputs' | 'source'>,
  target: Platform,
  { emulates }: Pick<ResolvedEngine, 'emulates'>,
): boolean {
  const { dockerfile, target: stage } = source
  if (inputs.tests.length > 0 && emulates(target)) return true
  const analysis = analysisOf(forPlatform(inputs, target), dockerfile, undefined)
  return runSteps(analysis, targetIndex(dockerfile, stage), target).some(({ platform }) => emulates(platform))
}
