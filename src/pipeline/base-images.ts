import type { Analysis } from '../dockerfile/analysis.js'
import { dependenciesOf } from '../dockerfile/dependencies.js'
import { targetIndex } from '../dockerfile/dockerfile.js'
import type { BaseImage } from '../engine/engine.js'
import type { Env } from '../exec.js'
import type { Inputs } from '../runner/inputs.js'
import { platform } from '../lib/platform.js'
import { analysisOf } from '../source/analysis.js'
import type { Source } from '../source/source.js'

const IMAGE = /^(docker-image|docker):\/\//

/**
 * The images that the target is made of, by the names that the Dockerfile and the build contexts have for them, as far
 * as they can be told before the build; in doubt, more.
 * @param env of the engine
 */
export function baseImages(inputs: Inputs, source: Source, env: Env): BaseImage[] {
  return imagesOf(analysisOf(inputs, source.dockerfile, env), inputs, source)
}

/** Those of them whose settings a stage inherits, since FROM names them. @param env of the engine */
export function inheritedImages(inputs: Inputs, source: Source, env: Env): BaseImage[] {
  const analysis = analysisOf(inputs, source.dockerfile, env)
  const bases = analysis.stages.flatMap(({ base }) => ('known' in base ? [base.known] : []))
  const given = imagesOfContexts(
    inputs,
    bases.flatMap(({ contexts }) => contexts),
  )
  const names = new Set([...bases.map(({ name }) => name), ...given])
  return imagesOf(analysis, inputs, source).filter(({ name }) => names.has(name))
}

function imagesOf(analysis: Analysis, inputs: Inputs, { dockerfile, target }: Source): BaseImage[] {
  const { images, contexts } = dependenciesOf(analysis, targetIndex(dockerfile, target))
  const names = new Set([...images, ...imagesOfContexts(inputs, contexts)])
  const platforms = platformsOf(analysis)
  return [...names].flatMap((name) => [...(platforms.get(name) ?? [undefined])].map((one) => ({ name, platform: one })))
}

/** The images that some of the build contexts stand for. */
function imagesOfContexts({ buildContexts }: Inputs, names: readonly string[]): string[] {
  const images = buildContexts.filter(({ name, value }) => names.includes(name) && IMAGE.test(value))
  return images.map(({ value }) => value.replace(IMAGE, ''))
}

/** For which platforms FROM names an image; undefined stands for that of the machine. */
function platformsOf({ stages }: Analysis): Map<string, Set<string | undefined>> {
  const platforms = new Map<string, Set<string | undefined>>()
  for (const { base, platform: wanted } of stages) {
    if ('unknown' in base) continue
    const isOther = 'known' in wanted && wanted.known !== '' && wanted.known !== platform()
    const { name } = base.known
    platforms.set(name, new Set([...(platforms.get(name) ?? []), isOther ? wanted.known : undefined]))
  }
  return platforms
}
