import type { Engine } from '../engine/engine.js'
import { describe, RegistryError, UserError } from '../errors.js'
import { normalizeRegistry, type Reference } from '../metadata/reference.js'
import type { Inputs } from '../runner/inputs.js'
import { debug, info } from '../log.js'
import { withRetries } from '../lib/retry.js'
import type { Trial } from '../registry/uploads.js'

/** What a login is for. */
export interface LoginUse {
  /** What is pushed, if anything is. */
  readonly references: readonly Reference[]
  /** Begins a push to a reference, and takes it back. */
  readonly tryPush: (reference: Reference) => Promise<Trial>
}

/**
 * The registry that the given login is for.
 * @throws UserError when it could be several
 */
export function loginRegistry(inputs: Inputs, references: readonly Reference[]): string {
  if (inputs.registry !== undefined) return normalizeRegistry(inputs.registry)
  const registries = [...new Set(references.map((reference) => reference.registry))]
  if (inputs.login !== undefined && registries.length > 1) {
    throw new UserError(
      `Input "registry" is missing: the references are in ${registries.join(' and ')}, and "username" and "password" can be for one of them only.`,
      `Write \`registry: ${registries[0] ?? ''}\`, and log in to the others in a step before.`,
    )
  }
  return registries[0] ?? 'docker.io'
}

/**
 * Logs in, where the inputs have a login, and tries it where it will be used: some registries let everybody read, and ask
 * for a login only when something is written.
 * @throws UserError when the login is refused
 */
export async function login(
  engine: Pick<Engine, 'name' | 'login'>,
  { inputs, registry }: { readonly inputs: Pick<Inputs, 'login' | 'push'>; readonly registry: string },
  use: LoginUse,
): Promise<void> {
  if (inputs.login === undefined) return
  const { username, password } = inputs.login
  await withRetries(`Login to ${registry}`, () => engine.login(registry, username, password))
  const own = inputs.push ? use.references.filter((reference) => reference.registry === registry) : []
  const repositories = new Map(own.map((reference) => [reference.repository, reference]))
  const trials = await Promise.all([...repositories.values()].map((one) => use.tryPush(one).catch(onlyRefusal)))
  if (engine.name === 'buildah' && trials.some((trial) => trial?.asksLate === true)) throw asksLate(registry)
  info(`Logged in to ${registry} as ${username}`)
}

/** What else went wrong may not go wrong with the engine, which has the last word. */
function onlyRefusal(error: unknown): undefined {
  if (!(error instanceof RegistryError) || error.refuses) throw error
  debug(describe(error))
  return undefined
}

function asksLate(registry: string): UserError {
  return new UserError(
    `${registry} asks for a login when something is written, and not at /v2/, the only place where Buildah looks: it would push without a login, and be refused.`,
    `Let Docker build (\`engine: docker\`), or have those who run the registry answer ${registry}/v2/ with 401 where there is no login.`,
  )
}
