import { targetIndex } from '../../../dockerfile/dockerfile.js'
import { type RunStep, runSteps } from '../../../dockerfile/run-steps.js'
import { nativePlatform } from '../../../lib/platform.js'
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
function allRunSteps({ inputs, source, folder, platforms = [nativePlatform()] }: EngineRequest): RunStep[] {
  const { dockerfile, target } = source
  const analysis = analysisOf(inputs, dockerfile, folder.env)
  return platforms.flatMap((platform) => runSteps(analysis, targetIndex(dockerfile, target), platform))
}
