import type { Context } from './context.js'
import { targetIndex } from './dockerfile/dockerfile.js'
import { reachOf } from './dockerfile/reach.js'
import type { Inputs } from './inputs.js'
import { platformArguments } from './platform.js'
import type { Source } from './source.js'
import { argumentsOf } from './surroundings.js'

const IMAGE = /^(docker-image|docker):\/\//

/**
 * The images that the target is made of, by the names that the Dockerfile and the build contexts have for them, as far
 * as they can be told before the build; in doubt, more.
 */
export function baseImages(inputs: Inputs, { dockerfile, target }: Source, context: Context): string[] {
  const { images, contexts } = reachOf(dockerfile, targetIndex(dockerfile, target), {
    buildArgs: argumentsOf(inputs, context.env),
    automatic: platformArguments(),
    contexts: new Set(inputs.buildContexts.map(({ name }) => name)),
  })
  const named = inputs.buildContexts.filter(({ name, value }) => contexts.includes(name) && IMAGE.test(value))
  return [...new Set([...images, ...named.map(({ value }) => value.replace(IMAGE, ''))])]
}
