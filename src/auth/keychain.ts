import { type AuthFile, hostOf } from './auth-file.js'
import { RegistryError } from '../errors.js'
import { attempt, type Env, findProgram, type RunResult } from '../exec.js'
import { quote } from '../lib/quote.js'
import { isObject, parseObject } from '../lib/json.js'
import { debug } from '../log.js'
import { Secret } from '../lib/secret.js'

/** By whom a registry is asked. */
export type Login =
  | { readonly kind: 'password'; readonly username: string; readonly password: Secret }
  /** What `docker login` got in place of a password: it is given for tokens, and for nothing else. */
  | { readonly kind: 'identity'; readonly username: string; readonly token: Secret }

export interface Logins {
  /** Earlier logins of the user. */
  readonly logins: AuthFile
  /** The step's own. */
  readonly own?: readonly OwnLogin[]
  readonly env: Env
}

/** A login that the step was given: for exactly this registry, or for the repositories of a part of it. */
export interface OwnLogin {
  readonly registry: string
  /** `acme`, `acme/web`; undefined for all. */
  readonly scope?: string | undefined
  readonly username: string
  readonly password: Secret
}

/** The one of these that is for a repository: of several, that with the longest scope. Pure. */
export function ownLoginFor<T extends OwnLogin>(
  { registry, repository }: { readonly registry: string; readonly repository: string },
  own: readonly T[],
): T | undefined {
  const fits = ({ scope }: T) => scope === undefined || `${repository}/`.startsWith(`${scope}/`)
  const fitting = own.filter((one) => one.registry === registry && fits(one))
  return fitting.sort((one, other) => (other.scope?.length ?? 0) - (one.scope?.length ?? 0))[0]
}

const HELPER = /^[A-Za-z0-9][\w.-]*$/
/** Writing to a helper that has failed before it reads would end this process; a shell that does it is ended alone. */
const ASKING = 'printf %s "$1" | "$0" get'
/** The key under which Docker keeps the login of Docker Hub with a helper. */
const HUB_KEY = 'https://index.docker.io/v1/'

/**
 * The login for one repository: the step's own, else of a credential helper, else of the auth file, there the one for the
 * most specific name (`host/namespace/repo`, `host/namespace`, `host`). A login for another host or port is never taken.
 * @throws RegistryError when a helper fails
 */
export async function findLogin(
  registry: string,
  repository: string,
  { logins, own = [], env }: Logins,
): Promise<Login | undefined> {
  const given = ownLoginFor({ registry, repository }, own)
  if (given !== undefined) return { kind: 'password', username: given.username, password: given.password }
  const helper = Object.entries(logins.credHelpers).find(([key]) => hostOf(key) === registry)?.[1]
  const helped = helper === undefined ? undefined : await askHelper(helper, registry, env)
  if (helped !== undefined) return helped
  for (const name of namesOf(registry, repository)) {
    const entry = entryFor(name, logins.auths)
    const found = entry === undefined ? undefined : readEntry(entry)
    if (found !== undefined) return found
  }
  return logins.store === undefined ? undefined : await askStore(logins.store, registry, env)
}

/**
 * The same logins for an engine that asks a helper only where its file names one for the registry, and then nothing else:
 * each of these registries that is in none gets the store as its helper, if that has a login for it; a helper that has
 * none gives way to the login of another file.
 */
export async function settleLogins(logins: AuthFile, registries: readonly string[], env: Env): Promise<AuthFile> {
  const { auths, credHelpers, store } = logins
  const named = new Set([...Object.keys(auths), ...Object.keys(credHelpers)].map(hostOf))
  const unnamed = store === undefined ? [] : [...new Set(registries)].filter((registry) => !named.has(registry))
  const stored = await Promise.all(
    unnamed.map(async (registry) => {
      const login = store === undefined ? undefined : await askStore(store, registry, env)
      return login === undefined ? [] : [[registry, store ?? ''] as const]
    }),
  )
  const doubled = Object.keys(auths).map(hostOf)
  const kept = await Promise.all(
    Object.entries(credHelpers).map(async ([key, helper]) => {
      const isAlone = !doubled.includes(hostOf(key))
      // One that fails is the engine's to tell of.
      const has = isAlone || (await askHelper(helper, hostOf(key), env).catch(() => true)) !== undefined
      return has ? [[key, helper] as const] : []
    }),
  )
  return { auths, credHelpers: Object.fromEntries([...stored.flat(), ...kept.flat()]) }
}

/** Nobody has said that the store has a login for this registry: that it fails is no reason to. */
async function askStore(store: string, registry: string, env: Env): Promise<Login | undefined> {
  return await askHelper(store, registry, env).catch((error: unknown) => {
    if (!(error instanceof RegistryError)) throw error
    debug(`${error.message} Continuing without a login for that registry.`)
    return undefined
  })
}

/** The header by which a password is sent. */
export function basicHeader({ username, password }: Login & { kind: 'password' }): Secret {
  return new Secret(`Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}`)
}

/** All texts of a login that nobody may read. */
export function secretsOf(login: Login | undefined): string[] {
  if (login === undefined) return []
  if (login.kind === 'identity') return [login.token.reveal()]
  return [basicHeader(login).reveal().slice('Basic '.length), login.password.reveal()]
}

/** The most specific first: `host/a/b`, `host/a`, `host`. */
function namesOf(registry: string, repository: string): string[] {
  const parts = [registry, ...repository.split('/')]
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('/'))
}

function entryFor(name: string, auths: AuthFile['auths']): unknown {
  if (Object.hasOwn(auths, name)) return auths[name]
  return Object.entries(auths).find(([key]) => hostOf(key) === name)?.[1]
}

/** Reads one entry of `auths`; one that says nothing of use is no login. */
function readEntry(entry: unknown): Login | undefined {
  if (!isObject(entry)) return undefined
  const { auth, identitytoken } = entry
  const decoded = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '') : ''
  // A password may have colons, a user not.
  const colon = decoded.indexOf(':')
  const [username, password] =
    colon < 0 ? [entry['username'], entry['password']] : [decoded.slice(0, colon), decoded.slice(colon + 1)]
  const user = typeof username === 'string' ? username : ''
  if (typeof identitytoken === 'string' && identitytoken !== '')
    return { kind: 'identity', username: user, token: new Secret(identitytoken) }
  if (user === '' || typeof password !== 'string' || password === '') return undefined
  return { kind: 'password', username: user, password: new Secret(password) }
}

async function askHelper(helper: string, registry: string, env: Env): Promise<Login | undefined> {
  if (!HELPER.test(helper))
    throw helperError(
      `The auth file names ${quote(helper)} for ${registry}`,
      'That is not the name of a credential helper',
    )
  const program = `docker-credential-${helper}`
  const path = await findProgram(program, env)
  const keys = registry === 'docker.io' ? [registry, HUB_KEY] : [registry]
  for (const key of keys) {
    const { exitCode, stdout, stderr } = await runHelper(path, program, key, env)
    if (exitCode === 0) return readHelper(stdout, program, registry)
    // It says so on one of both, and what else it says may be secret.
    if (!/credentials not found/i.test(`${stdout}${stderr}`))
      throw helperError(
        `The credential helper ${program} failed for ${registry}`,
        `It ended with exit code ${exitCode}`,
      )
  }
  return undefined
}

async function runHelper(path: string | undefined, program: string, key: string, env: Env): Promise<RunResult> {
  if (path === undefined)
    throw helperError(`The auth file names the credential helper ${program}`, 'No such program is on the PATH')
  return await attempt(['/bin/sh', '-c', ASKING, path, key], { env })
}

function readHelper(stdout: string, program: string, registry: string): Login | undefined {
  const { Username: username, Secret: secret } = parseObject(stdout)
  if (typeof username !== 'string' || typeof secret !== 'string')
    throw helperError(
      `The credential helper ${program} returned no login for ${registry}`,
      'Its output has no Username and Secret',
    )
  if (secret === '') return undefined
  return username === '<token>'
    ? { kind: 'identity', username: '', token: new Secret(secret) }
    : { kind: 'password', username, password: new Secret(secret) }
}

function helperError(what: string, why: string): RegistryError {
  const hint = 'Log in again (`buildah login`, `docker login`), or remove the helper from the auth file.'
  return new RegistryError(`${what}. ${why}.`, hint, false)
}
