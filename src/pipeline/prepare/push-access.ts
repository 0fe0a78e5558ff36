import { ownLoginFor } from '../../auth/keychain.js'
import type { BuildSpec, Engine, KnownEngine } from '../../engine/engine.js'
import { describe, RegistryError, UserError } from '../../errors.js'
import { withRetries } from '../../lib/retry.js'
import { debug } from '../../log.js'
import { formatReference, type Reference, repositoryOf } from '../../metadata/reference.js'
import { openRegistries, type PipelineContext, type RegistriesOnDemand } from '../pipeline-context.js'
import { login } from './login.js'

/** What is pushed where; for a step that pushes nothing, only its logins are tried. */
type Pushes = Pick<BuildSpec, 'references'> & { readonly inputs: Pick<BuildSpec['inputs'], 'push'> }

/** What is known of the engine that pushes. */
type Pusher = Pick<KnownEngine, 'resolveNames'> & {
  readonly traits: Pick<KnownEngine['traits'], 'needsChallenge' | 'pushesFromHere'>
}

/** Who asks. */
type Asker = Pick<PipelineContext, 'credentials' | 'context' | 'services'>

/**
 * Begins to try what is pushed without a login of the step, beside whatever else is done before the build.
 * @returns what logs in, tries the rest, and waits for all of it
 */
export function startAccess(
  spec: Pushes,
  pusher: Pusher,
  asker: Asker,
  registries: Pick<RegistriesOnDemand, 'open'>,
): (engine: Pick<Engine, 'login'>) => Promise<void> {
  const tried = tryWithoutLogin(spec, pusher, asker)
  // What became of it is asked for below.
  tried.catch(() => undefined)
  return async (engine) => {
    const { own } = asker.credentials
    const target = { engine, needsChallenge: pusher.traits.needsChallenge, own }
    await login(spec, target, async (reference) => (await registries.open()).tryPush(reference))
    await tried
  }
}

/**
 * Tries a push to each repository that the step has no login of its own for, so that a registry that is out of reach, or
 * that lets nobody write, is found before the build.
 * @throws RegistryError for what the engine would hear as well
 */
async function tryWithoutLogin({ inputs, references }: Pushes, pusher: Pusher, asker: Asker): Promise<void> {
  const others = references.filter((reference) => ownLoginFor(reference, asker.credentials.own) === undefined)
  const repositories = new Map(others.map((one) => [formatReference(repositoryOf(one)), one]))
  if (!inputs.push || repositories.size === 0) return
  // Where the engine may do without TLS, so may this.
  const { insecure } = await pusher.resolveNames(others.map(formatReference))
  const registries = await openRegistries(asker, insecure)
  const tryOne = async (reference: Reference) => {
    await registries.tryPush(reference).catch((error: unknown) => {
      if (!(error instanceof RegistryError) || error.refuses) throw error
      if (error.isUnreachable && pusher.traits.pushesFromHere) throw error
      // The engine may know a way, and has the last word.
      debug(describe(error))
    })
  }
  try {
    await Promise.all([...repositories].map(([name, one]) => tryName(name, () => tryOne(one))))
  } finally {
    registries.close()
  }
}

async function tryName(name: string, trial: () => Promise<void>): Promise<void> {
  await withRetries(`Trial push to ${name}`, trial).catch((error: unknown) => {
    if (!(error instanceof RegistryError)) throw error
    throw new UserError(`Input "push": nothing was built, since ${name} can't be pushed.`, error.hint, { cause: error })
  })
}
