import { isSamePlatform, parsePlatform, type Platform } from '../lib/platform.js'
import type { Analysis, Origin, StageAnalysis } from './analysis.js'
import { variablesIn } from './variables.js'

/**
 * What the stages are built for; undefined where only the engine knows. A stage on another one has its platform, whatever
 * its own FROM says. Pure.
 * @param target platform of the image
 */
export function stagePlatforms(stages: readonly StageAnalysis[], target: Platform): (Platform | undefined)[] {
  const platforms: (Platform | undefined)[] = []
  for (const { base, platform } of stages) {
    const parent = parentOf(base)
    if (parent !== undefined) platforms.push(platforms[parent])
    else if ('unknown' in platform) platforms.push(undefined)
    else platforms.push(platform.known === '' ? target : parsePlatform(platform.known))
  }
  return platforms
}

/** Index of the stage that FROM names; undefined for an image or a further build context. Pure. */
export function parentOf(base: Origin): number | undefined {
  return 'known' in base && base.known.contexts.length === 0 ? base.stages.at(-1) : undefined
}

/** An image for which no platform is written, where it comes after a stage of another one. */
export interface UnplacedImage {
  readonly line: number
  /** As FROM or `--from` names it. */
  readonly image: string
}

/**
 * The images without a platform of their own that come after a FROM with another platform than the target's, in FROM and
 * behind `--from`. Pure.
 */
export function imagesAfterOtherPlatform({ stages }: Pick<Analysis, 'stages'>, target: Platform): UnplacedImage[] {
  const isOther = ({ platform }: StageAnalysis) => {
    const written = 'known' in platform && platform.known !== '' ? parsePlatform(platform.known) : undefined
    return written !== undefined && !isSamePlatform(written, target)
  }
  const first = stages.findIndex(isOther)
  if (first < 0) return []
  return stages.slice(first).flatMap((stage, index) => {
    const { base, platform, steps } = stage
    const isPlain = index > 0 && 'known' in platform && platform.known === ''
    const copied = steps.flatMap(({ copy, mounts, instruction }) =>
      [copy?.from, ...mounts.map(({ from }) => from)].map((from) => ({ from, line: instruction.line })),
    )
    const origins = [...(isPlain ? [{ from: base, line: stage.stage.line }] : []), ...(isPlain ? copied : [])]
    return origins.flatMap(({ from, line }) =>
      from !== undefined && 'known' in from && from.known.image !== undefined
        ? [{ line, image: from.known.image }]
        : [],
    )
  })
}

/** Lines of FROM whose `--platform` names this variable. Pure. */
export function linesWithPlatform({ stages }: Pick<Analysis, 'stages'>, variable: string): number[] {
  const names = ({ stage }: StageAnalysis) =>
    stage.flags.some(({ name, value }) => name === 'platform' && variablesIn(value).includes(variable))
  return stages.filter(names).map(({ stage }) => stage.line)
}
