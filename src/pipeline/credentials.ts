import { type AuthFile, readLogins, withoutRegistry } from '../auth/auth-file.js'
import { type Logins, settleLogins } from '../auth/keychain.js'
import type { Env } from '../exec.js'
import { formatReference, type Reference, registryOf } from '../metadata/reference.js'
import type { Names } from '../metadata/tags.js'
import type { Context } from '../runner/context.js'
import type { Inputs } from '../runner/inputs.js'
import { loginRegistry } from './login.js'

/** Who one is at which registry, and to which one may speak without TLS. */
export interface Credentials extends Omit<Logins, 'env'> {
  /** Which the login of the inputs is for, where they have one. */
  readonly registry: string
  /** Registries (`host:port`) that may be asked by plain HTTP or with an unknown certificate. */
  readonly insecure: readonly string[]
}

/**
 * Reads the earlier logins, and finds out which registry the one of the inputs is for.
 * @throws UserError when it could be several
 */
export async function readCredentials(
  inputs: Inputs,
  context: Context,
  names: Pick<Names, 'references' | 'written'>,
): Promise<Credentials> {
  const registry = loginRegistry(inputs, names)
  return {
    registry,
    logins: await readLogins(context),
    ...(inputs.login !== undefined && { login: { registry, ...inputs.login } }),
    insecure: inputs.tlsVerify ? [] : [...new Set(names.references.map((reference) => reference.registry))],
  }
}

/**
 * The earlier logins as an engine is to have them: without that of the step's own registry, for all that it may ask.
 * @param bases images that it may pull
 */
export async function loginsOfEngine(
  { logins, login, registry }: Credentials,
  { references, bases }: { readonly references: readonly Reference[]; readonly bases: readonly string[] },
  env: Env,
): Promise<AuthFile> {
  const earlier = login === undefined ? logins : withoutRegistry(logins, registry)
  const written = [...references.map(formatReference), ...bases]
  const registries = written.flatMap((name) => registryOf(name) ?? [])
  const others = registries.filter((one) => login === undefined || one !== registry)
  return await settleLogins(earlier, others, env)
}
