import { type Stage, targetIndex } from '../../../dockerfile/dockerfile.js'
import { type RunStep, runSteps } from '../../../dockerfile/run-steps.js'
import { isSamePlatform, nativePlatform, type Platform } from '../../../lib/platform.js'
import type { Inputs } from '../../../runner/inputs.js'
import { forPlatform } from '../../../runner/platform-inputs.js'
import { analysisOf } from '../../../source/analysis.js'
import type { EngineRequest } from '../../engines.js'
import type { Place } from '../find/probe.js'
import { type Emulation, NO_EMULATION } from './binfmt.js'

/** What runs the RUN steps of other platforms in a build. @throws UserError where nothing can, before anything is built */
export async function emulationFor(request: EngineRequest, place: Place): Promise<Emulation> {
  const steps = allRunSteps(request)
  if (steps.every(({ platform }) => isSamePlatform(platform, nativePlatform()))) return NO_EMULATION
  // Most builds need none.
  const { emulationOn } = await import('./emulation.js')
  return await emulationOn(place, steps, request.inputs)
}

/** Those of every platform that is built for. */
function allRunSteps({ inputs, source, folder }: EngineRequest): RunStep[] {
  const { dockerfile, target } = source
  const platforms = inputs.platforms.length === 0 ? [nativePlatform()] : inputs.platforms
  return platforms.flatMap((platform) => {
    const analysis = analysisOf(forPlatform(inputs, platform), dockerfile, folder.env)
    const index = targetIndex(dockerfile, target)
    return [...runSteps(analysis, index, platform), ...tests(dockerfile.stages[index], inputs, platform)]
  })
}

/** What the input `test` runs in the image, as a step of the stage that it is made of. */
function tests(stage: Stage | undefined, { tests }: Inputs, platform: Platform): RunStep[] {
  if (tests.length === 0 || stage === undefined) return []
  return [{ platform, stage: stage.name ?? stage.base, line: stage.line }]
}
