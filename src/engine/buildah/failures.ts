import { type Place, RegistryError, UserError } from '../../errors.js'
import { CommandError } from '../../exec.js'
import type { Source } from '../../source/source.js'
import { hintForMissing, readMissing } from '../copy-not-found.js'
import { hintFor, isPassing, refusesOci, retriesOfLost, SEE_LOG } from '../error-hints.js'
import { type Scene, whyNoImage } from '../known-causes.js'
import type { BuildahSetup } from './setup.js'

/** The error for a failed build. @param place the line of the Dockerfile that was being built */
export async function explain(
  error: unknown,
  source: Source,
  place: Place | undefined,
  { hasLogin }: BuildahSetup,
): Promise<unknown> {
  if (!(error instanceof CommandError)) return error
  const { argv, output } = error
  const scene = { ...source, hasLogin }
  const pulled = argv.includes('pull') ? argv.at(-1) : undefined
  const ofStage = pulled === undefined ? undefined : whyNoImage(pulled, scene)
  const missing = readMissing(output, source.context)
  const hint = ofStage ?? (await hintForMissing(missing, source)) ?? hintFor(output, scene) ?? SEE_LOG
  return new UserError('The build failed.', hint, { cause: error, place })
}

/** The error for a failed request to a registry. @param what failed, as a sentence without its full stop */
export function refusal(what: string, error: unknown, scene: Scene): unknown {
  if (!(error instanceof CommandError)) return error
  const { output } = error
  const options = { cause: error, retries: retriesOfLost(output) }
  return new RegistryError(`${what}.`, hintFor(output, scene) ?? SEE_LOG, isPassing(output), options)
}

/** Whether a registry refused a push because it takes no OCI manifest. @param error of `refusal` */
export function isOciRefusal(error: unknown): boolean {
  return error instanceof RegistryError && error.cause instanceof CommandError && refusesOci(error.cause.output)
}
