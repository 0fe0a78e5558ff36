import { targetIndex } from '../../../dockerfile/dockerfile.js'
import { runSteps } from '../../../dockerfile/run-steps.js'
import { isSamePlatform, nativePlatform } from '../../../lib/platform.js'
import { forPlatform } from '../../../runner/platform-inputs.js'
import { analysisOf } from '../../../source/analysis.js'
import type { EngineRequest } from '../../engines.js'
import type { Place } from '../find/probe.js'
import { type Emulation, NO_EMULATION } from './binfmt.js'
import type { Programs } from './foreign-programs.js'

/** What runs the programs of other platforms in a build. @throws UserError where nothing can, before anything is built */
export async function emulationFor(request: EngineRequest, place: Place): Promise<Emulation> {
  const all = allPrograms(request)
  if (all.every(({ platform }) => isSamePlatform(platform, nativePlatform()))) return NO_EMULATION
  // Most builds need none.
  const { emulationOn } = await import('./emulation.js')
  return await emulationOn(place, all, request.inputs)
}

/** Those of every platform that is built for. */
function allPrograms({ inputs, source, folder }: EngineRequest): Programs[] {
  const { dockerfile, target } = source
  const platforms = inputs.platforms.length === 0 ? [nativePlatform()] : inputs.platforms
  return platforms.flatMap((platform) => {
    const analysis = analysisOf(forPlatform(inputs, platform), dockerfile, folder.env)
    const steps = runSteps(analysis, targetIndex(dockerfile, target), platform)
    return inputs.tests.length === 0 ? steps : [...steps, { platform, input: 'test' } as const]
  })
}
