import { targetIndex } from '../../../dockerfile/dockerfile.js'
import { type RunStep, runSteps } from '../../../dockerfile/run-steps.js'
import { nativePlatform } from '../../../lib/platform.js'
import { forPlatform } from '../../../runner/platform-inputs.js'
import { analysisOf } from '../../../source/analysis.js'
import type { EngineRequest } from '../../engines.js'
import type { Place } from '../probe.js'
import { type Emulation, provideEmulation } from './emulation.js'
import { machineOf } from './machine.js'

/** What runs the RUN steps of other platforms in a build. @throws UserError where nothing can, before anything is built */
export async function emulationFor(request: EngineRequest, place: Place): Promise<Emulation> {
  return await provideEmulation(allRunSteps(request), request.inputs, machineOf(place))
}

/** Those of every platform that is built for. */
function allRunSteps({ inputs, source, folder }: EngineRequest): RunStep[] {
  const { dockerfile, target } = source
  const platforms = inputs.platforms.length === 0 ? [nativePlatform()] : inputs.platforms
  return platforms.flatMap((platform) => {
    const analysis = analysisOf(forPlatform(inputs, platform), dockerfile, folder.env)
    return runSteps(analysis, targetIndex(dockerfile, target), platform)
  })
}
