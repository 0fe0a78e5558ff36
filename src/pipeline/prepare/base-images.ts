import type { Analysis, Origin, StageAnalysis } from '../../dockerfile/analysis.js'
import { dependenciesOf } from '../../dockerfile/dependencies.js'
import { targetIndex } from '../../dockerfile/dockerfile.js'
import { stagePlatforms } from '../../dockerfile/stage-platforms.js'
import type { BaseImage, BuiltStages } from '../../engine/engine.js'
import type { Env } from '../../exec.js'
import { formatPlatform, nativePlatform, type Platform } from '../../lib/platform.js'
import type { Inputs } from '../../runner/inputs.js'
import { forPlatform, targetPlatform } from '../../runner/platform-inputs.js'
import { analysisOf } from '../../source/analysis.js'
import type { Source } from '../../source/source.js'

const IMAGE = /^(docker-image|docker):\/\//

/**
 * The images that the target is made of, by the names that the Dockerfile and the build contexts have for them, as far
 * as they can be told before the build; in doubt, more. Of several platforms, those of each.
 * @param env of the engine
 * @param built stages that are there already, and what they are made of is needed no more
 */
export function baseImages(inputs: Inputs, source: Source, env: Env, built?: BuiltStages): BaseImage[] {
  const indices = new Set(built?.images.map(({ stage }) => stage))
  const all = platformsOf(inputs).flatMap((platform) => {
    const own = forPlatform(inputs, platform)
    return imagesOf(analysisOf(own, source.dockerfile, env), own, source, indices)
  })
  return all.filter((image, index) => all.findIndex((other) => isSame(image, other)) === index)
}

/** Those of them whose settings a stage inherits, since FROM names them. @param env of the engine */
export function inheritedImages(inputs: Inputs, source: Source, env: Env): BaseImage[] {
  const names = new Set(
    platformsOf(inputs).flatMap((platform) => inherited(forPlatform(inputs, platform), source, env)),
  )
  return baseImages(inputs, source, env).filter(({ name }) => names.has(name))
}

function inherited(inputs: Inputs, source: Source, env: Env): string[] {
  const { stages } = analysisOf(inputs, source.dockerfile, env)
  const bases = stages.flatMap(({ base }) => ('known' in base ? [base.known] : []))
  const contexts = bases.flatMap((base) => base.contexts)
  return [...bases.map(({ name }) => name), ...imagesOfContexts(inputs, contexts).map(({ image }) => image)]
}

function platformsOf({ platforms }: Inputs): readonly Platform[] {
  return platforms.length > 0 ? platforms : [nativePlatform()]
}

function imagesOf(
  analysis: Analysis,
  inputs: Inputs,
  { dockerfile, target }: Source,
  built: ReadonlySet<number>,
): BaseImage[] {
  const platform = targetPlatform(inputs)
  const { images, contexts } = dependenciesOf(analysis, targetIndex(dockerfile, target), built)
  const wanted = namedFor(analysis, platform, built)
  const named = [...images.map((name) => ({ name, image: name })), ...imagesOfContexts(inputs, contexts)]
  return named.flatMap(({ name, image }) =>
    [...(wanted.get(name) ?? [formatPlatform(platform)])].map((one) => ({
      name: image,
      platform: one === formatPlatform(nativePlatform()) ? undefined : one,
    })),
  )
}

/** The images that some of the build contexts stand for. */
function imagesOfContexts(
  { buildContexts }: Inputs,
  names: readonly string[],
): { readonly name: string; readonly image: string }[] {
  const images = buildContexts.filter(({ name, value }) => names.includes(name) && IMAGE.test(value))
  return images.map(({ name, value }) => ({ name, image: value.replace(IMAGE, '') }))
}

/** For which platforms stages name an image, or a further build context, in FROM or behind `--from`. */
function namedFor({ stages }: Analysis, target: Platform, built: ReadonlySet<number>): Map<string, Set<string>> {
  const platforms = new Map<string, Set<string>>()
  for (const [index, platform] of stagePlatforms(stages, target).entries()) {
    const stage = stages[index]
    if (stage === undefined || platform === undefined || built.has(index)) continue
    for (const origin of originsOf(stage)) {
      if ('unknown' in origin) continue
      for (const name of [origin.known.name, ...origin.known.contexts])
        platforms.set(name, new Set([...(platforms.get(name) ?? []), formatPlatform(platform)]))
    }
  }
  return platforms
}

function originsOf({ base, steps }: StageAnalysis): Origin[] {
  const from = steps.flatMap(({ copy, mounts }) => [copy?.from, ...mounts.map((mount) => mount.from)])
  return [base, ...from.filter((origin) => origin !== undefined)]
}

function isSame(one: BaseImage, other: BaseImage): boolean {
  return one.name === other.name && one.platform === other.platform
}
