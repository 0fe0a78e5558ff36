import { CommandError } from '../../../exec.js'
import { systemClock } from '../../../lib/clock.js'
import { foreignPlatform } from '../../../runner/platform-inputs.js'
import type { BuildRequest } from '../../engine.js'
import { type FailedPulls, pullOne, withinLimit } from '../images/pulls.js'
import type { BuildahSetup } from '../setup.js'

/** No real Dockerfile has more images than this whose names are unknown before the build. */
const MAX_LATE = 20
/** Errors that name an image which `--pull=never` kept from being pulled. */
const UNKNOWN = [
  /creating build container: (\S+): image not known\s*$/,
  /\bfrom=(\S+): no stage or image found with that name\s*$/,
]

/**
 * Builds, and each time that an image is missing whose name couldn't be told beforehand, pulls it and builds again.
 * @throws what the build throws, or, where it lacks an image that couldn't be pulled, the error of that
 */
export async function withLatePulls<T>(
  build: () => Promise<T>,
  { inputs }: Pick<BuildRequest, 'inputs'>,
  early: FailedPulls,
  setup: BuildahSetup,
): Promise<T> {
  const pulled = new Set<string>()
  const platform = foreignPlatform(inputs)
  for (;;) {
    try {
      return await build()
    } catch (error) {
      const name = error instanceof CommandError ? unknownImage(error.output) : undefined
      if (name === undefined || pulled.has(name) || pulled.size === MAX_LATE) throw error
      if (early.has(name)) throw early.get(name)
      pulled.add(name)
      await withinLimit(systemClock, setup, (marked) => pullOne({ name, platform }, inputs.pull, marked))
    }
  }
}

/** Of what Buildah printed: the image that its last error misses; undefined where it misses none. Pure. */
export function unknownImage(output: string): string | undefined {
  const error = output.slice(Math.max(0, output.lastIndexOf('Error: ')))
  return UNKNOWN.map((pattern) => pattern.exec(error)?.[1]).find((image) => image !== undefined)
}
