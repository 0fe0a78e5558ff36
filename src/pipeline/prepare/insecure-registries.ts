import type { ConfigPlace } from '../../engine/engines.js'
import { parseReference } from '../../metadata/reference.js'
import type { Names } from '../../metadata/tags.js'
import type { Inputs } from '../../runner/inputs.js'
import type { Surroundings } from '../pipeline-context.js'

/** What is asked of registries beside the engine: where the image and its cache are. */
interface Asked {
  readonly inputs: Pick<Inputs, 'engine' | 'builder' | 'cache'>
  readonly metadata: Pick<Names, 'repositories'>
}

/**
 * The same where the registries that the engine may speak to without TLS by the configuration of the machine are known:
 * what goes there without the engine may do so, too.
 * @param place where the engine has its configuration; by default that of the user who runs the step
 */
export async function withConfigured<T extends Pick<Surroundings, 'context' | 'credentials' | 'services'>>(
  there: T,
  { inputs, metadata }: Asked,
  place?: ConfigPlace,
): Promise<T> {
  const { context, credentials, services } = there
  const { from, to } = inputs.cache
  const ofCache = [...from, ...(to === undefined ? [] : [to])].map(parseReference)
  const configuredInsecure = await services.engines.findInsecure(
    [...metadata.repositories, ...ofCache],
    inputs,
    place ?? { env: context.env, buildUser: { home: context.home } },
  )
  return { ...there, credentials: { ...credentials, configuredInsecure } }
}
