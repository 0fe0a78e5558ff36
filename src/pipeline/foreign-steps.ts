import { stagePlatforms } from '../dockerfile/stage-platforms.js'
import type { Platform } from '../lib/platform.js'
import { forPlatform, isForeign } from '../runner/platform-inputs.js'
import { analysisOf } from '../source/analysis.js'
import type { Wanted } from './engine.js'

/** Whether a build for a platform runs programs of another one than the machine's. Pure. */
export function runsForeignPrograms({ inputs, source }: Pick<Wanted, 'inputs' | 'source'>, target: Platform): boolean {
  const { stages } = analysisOf(forPlatform(inputs, target), source.dockerfile, undefined)
  return stagePlatforms(stages, target).some(
    (platform, index) =>
      platform !== undefined &&
      isForeign(platform) &&
      stages[index]?.steps.some(({ instruction }) => instruction.keyword === 'RUN') === true,
  )
}
