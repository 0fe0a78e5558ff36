import type { Dockerfile } from '../dockerfile/dockerfile.js'
import { expand, globalValues, type Values } from '../dockerfile/expansion.js'
import { plainName } from '../dockerfile/dependencies.js'
import type { BaseImage } from '../engine/engine.js'
import type { Env } from '../exec.js'
import type { Inputs } from '../runner/inputs.js'
import { platform, platformArguments } from '../lib/platform.js'
import type { Source } from '../source/source.js'
import { argumentsOf, reachIn } from '../up-to-date/step-inputs.js'

const IMAGE = /^(docker-image|docker):\/\//

/**
 * The images that the target is made of, by the names that the Dockerfile and the build contexts have for them, as far
 * as they can be told before the build; in doubt, more.
 * @param env of the engine
 */
export function baseImages(inputs: Inputs, source: Source, env: Env): BaseImage[] {
  const { dockerfile } = source
  const { images, contexts } = reachIn(inputs, source, env)
  const given = inputs.buildContexts.filter(({ name, value }) => contexts.includes(name) && IMAGE.test(value))
  const names = new Set([...images, ...given.map(({ value }) => value.replace(IMAGE, ''))])
  const platforms = platformsOf(dockerfile, globalValues(dockerfile, argumentsOf(inputs, env), platformArguments()))
  return [...names].flatMap((name) => [...(platforms.get(name) ?? [undefined])].map((one) => ({ name, platform: one })))
}

/** Those of them whose settings a stage inherits, since FROM names them. @param env of the engine */
export function inheritedImages(inputs: Inputs, source: Source, env: Env): BaseImage[] {
  const { dockerfile } = source
  const values = globalValues(dockerfile, argumentsOf(inputs, env), platformArguments())
  const names = new Set(dockerfile.stages.flatMap(({ base }) => expand(base, values) ?? []))
  for (const { name, value } of inputs.buildContexts) {
    const isNamed = [...names].some((other) => plainName(other) === plainName(name))
    if (isNamed && IMAGE.test(value)) names.add(value.replace(IMAGE, ''))
  }
  return baseImages(inputs, source, env).filter(({ name }) => names.has(name))
}

/** For which platforms FROM names an image; undefined stands for that of the machine. */
function platformsOf({ stages }: Dockerfile, values: Values): Map<string, Set<string | undefined>> {
  const platforms = new Map<string, Set<string | undefined>>()
  for (const { base, flags } of stages) {
    const name = expand(base, values)
    if (name === undefined) continue
    const written = flags.find((flag) => flag.name === 'platform')?.value
    const wanted = written === undefined ? undefined : expand(written, values)
    const own = wanted === '' || wanted === platform() ? undefined : wanted
    platforms.set(name, new Set([...(platforms.get(name) ?? []), own]))
  }
  return platforms
}
