import { type AuthFile, readLogins, withoutRegistry } from '../../auth/auth-file.js'
import { type Logins, type OwnLogin, settleLogins } from '../../auth/keychain.js'
import type { Env } from '../../exec.js'
import { formatReference, type Reference, registryOf } from '../../metadata/reference.js'
import type { Names } from '../../metadata/tags.js'
import type { Context } from '../../runner/context.js'
import type { Inputs } from '../../runner/inputs.js'
import { stepLogins } from '../../runner/registry-inputs.js'
import { loginRegistry } from './login.js'

/** Who one is at which registry, and to which one may speak without TLS. */
export interface Credentials extends Omit<Logins, 'env' | 'own'> {
  readonly own: readonly OwnLogin[]
  /** The one that `username` and `password` are for. */
  readonly registry: string
  /** Registries (`host:port`) that may be asked by plain HTTP or with an unknown certificate. */
  readonly insecure: readonly string[]
  /** Further ones, by the configuration of the machine, which engines know by themselves. */
  readonly configuredInsecure: readonly string[]
}

/**
 * Reads the earlier logins, and finds out which registry `username` and `password` are for.
 * @throws UserError when it could be several
 */
export async function readCredentials(
  inputs: Inputs,
  context: Context,
  names: Pick<Names, 'repositories' | 'written'>,
): Promise<Credentials> {
  const registry = loginRegistry(inputs, names)
  return {
    logins: await readLogins(context),
    own: stepLogins(inputs, registry),
    registry,
    insecure: inputs.tlsVerify ? [] : [...new Set(names.repositories.map((one) => one.registry))],
    configuredInsecure: [],
  }
}

/**
 * The earlier logins as an engine is to have them: without those of the step's own registries, for all that it may ask.
 * @param bases images that it may pull
 */
export async function loginsOfEngine(
  { logins, own }: Credentials,
  { registryMirrors }: Pick<Inputs, 'registryMirrors'>,
  { references, bases }: { readonly references: readonly Reference[]; readonly bases: readonly string[] },
  env: Env,
): Promise<AuthFile> {
  const earlier = own.reduce((left, { registry, scope }) => withoutRegistry(left, registry, scope), logins)
  const written = [...references.map(formatReference), ...bases]
  const mirrors = registryMirrors.map(({ registry }) => registry)
  const registries = [...written.flatMap((name) => registryOf(name) ?? []), ...mirrors]
  const others = registries.filter((one) => !own.some(({ registry, scope }) => scope === undefined && registry === one))
  return await settleLogins(earlier, others, env)
}
