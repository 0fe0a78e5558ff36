import { open } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import type { Context } from '../runner/context.js'
import { UserError } from '../errors.js'
import { isObject, objectOf } from '../lib/json.js'

/** The parts of containers-auth.json(5) and of Docker's config.json that say how to log in somewhere. */
export interface AuthFile {
  readonly auths: Readonly<Record<string, unknown>>
  readonly credHelpers: Readonly<Record<string, string>>
  /** The helper for every registry that is in neither; absent mostly. */
  readonly store?: string
}

/**
 * The files that the user's earlier logins may be in, in the order in which Buildah asks them.
 * @see containers-auth.json(5)
 */
export function authFilePaths(context: Context): string[] {
  const { env, home } = context
  const runtime = env['XDG_RUNTIME_DIR']
  const named = env['REGISTRY_AUTH_FILE']
  return [
    ...(named === undefined || named === '' ? [] : [named]),
    ...(runtime === undefined || runtime === '' ? runtimePaths(context) : [join(runtime, 'containers/auth.json')]),
    join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers/auth.json'),
    join(env['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'),
  ].filter((path) => isAbsolute(path))
}

/** Where logins go without XDG_RUNTIME_DIR. For it, Buildah and Podman each take a folder of their own without root. */
function runtimePaths(context: Context): string[] {
  const { home, uid } = context
  const own = `/run/containers/${uid}/auth.json`
  if (uid === 0) return [own]
  const run = [`/run/user/${uid}`, ...temporaryFolders(context), join(home, 'rundir')]
  return [
    // Up to 1.33 at least, Buildah makes a folder of its own in these.
    ...run.flatMap((folder) => ['containers/containers', 'containers'].map((name) => join(folder, name, 'auth.json'))),
    // Skopeo's, which takes none.
    own,
  ]
}

/** Those that Buildah (the older first) and Podman take where the system has none for the user. */
function temporaryFolders({ env, uid }: Context): string[] {
  const names = ['containers-user', 'storage-run', 'podman-run']
  return names.map((name) => join(env['TMPDIR'] || '/tmp', `${name}-${uid}`))
}

/**
 * Reads what the user is logged in to, from all files together; the earlier file wins where two know a registry.
 * @throws UserError for a file that isn't JSON
 */
export async function readLogins(context: Context): Promise<AuthFile> {
  let merged: AuthFile = { auths: {}, credHelpers: {} }
  for (const path of authFilePaths(context)) {
    const text = await textOf(path, context)
    if (text === undefined || text.trim() === '') continue
    merged = merge(merged, parseAuthFile(text, path))
  }
  return merged
}

/** Anybody can make a folder in /tmp: a file of somebody else there holds no login of this user. */
async function textOf(path: string, context: Context): Promise<string | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return undefined
  try {
    const isShared = temporaryFolders(context).some((folder) => path.startsWith(`${folder}/`))
    if (isShared && (await file.stat()).uid !== context.uid) return undefined
    return await file.readFile('utf8')
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

/** What an earlier file says of a name, it says of all names below it as well: `ghcr.io` goes before `ghcr.io/acme`. */
function merge(earlier: AuthFile, { auths, credHelpers, store }: AuthFile): AuthFile {
  const known = Object.keys(earlier.auths).map(hostOf)
  const isNew = ([key]: [string, unknown]) => !known.some((name) => `${hostOf(key)}/`.startsWith(`${name}/`))
  const helped = new Set(Object.keys(earlier.credHelpers).map(hostOf))
  const helpers = Object.entries(credHelpers).filter((entry) => isNew(entry) && !helped.has(hostOf(entry[0])))
  const first = earlier.store ?? store
  return {
    auths: { ...Object.fromEntries(Object.entries(auths).filter(isNew)), ...earlier.auths },
    // In one file Buildah asks a helper first; a later file's helper must not win over an earlier file's login.
    credHelpers: { ...Object.fromEntries(helpers), ...earlier.credHelpers },
    ...(first !== undefined && { store: first }),
  }
}

/**
 * Parses an auth file. Docker keeps logins in a credential store by an empty entry in `auths` and the store's name in
 * `credsStore`; Buildah doesn't read that, so each such registry gets the store as its own helper.
 * @throws UserError when the text isn't JSON
 */
export function parseAuthFile(text: string, path: string): AuthFile {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own message may quote a password.
    throw new UserError(
      `The auth file ${path} isn't JSON, so the earlier logins in it can't be used.`,
      'Log in again (`buildah login`, `docker login`), or remove the file.',
    )
  }
  const { auths, credHelpers, credsStore } = objectOf(value)
  const entries = Object.entries(objectOf(auths))
  const store = typeof credsStore === 'string' && credsStore !== '' ? credsStore : undefined
  const isEmpty = (entry: unknown) => isObject(entry) && Object.values(entry).every((part) => part === '')
  const empty = entries.filter(([, entry]) => isEmpty(entry))
  const stored = store === undefined ? [] : empty.map(([key]) => [hostOf(key), store] as const)
  const named = Object.entries(objectOf(credHelpers))
  return {
    // One without a login says nothing, and stands in nobody's way.
    auths: Object.fromEntries(entries.filter(([, entry]) => !isEmpty(entry))),
    credHelpers: {
      ...Object.fromEntries(stored),
      ...Object.fromEntries(named.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    },
    ...(store !== undefined && { store }),
  }
}

/** Whether anything in these logins may be for a registry. */
export function knowsRegistry({ auths, credHelpers, store }: AuthFile, registry: string): boolean {
  const keys = [...Object.keys(auths), ...Object.keys(credHelpers)]
  return store !== undefined || keys.some((key) => `${hostOf(key)}/`.startsWith(`${registry}/`))
}

/**
 * The logins without those of one registry, for the login that replaces them; keys may be URLs of old Docker versions.
 * @param scope the part of it that the other login is for. A helper for the registry goes all the same: it would be asked
 * first
 */
export function withoutRegistry(logins: AuthFile, registry: string, scope?: string): AuthFile {
  const isOther = ([key]: [string, unknown]) =>
    hostOf(key) !== (scope === undefined ? registry : `${registry}/${scope}`)
  return {
    ...logins,
    auths: Object.fromEntries(Object.entries(logins.auths).filter(isOther)),
    credHelpers: Object.fromEntries(Object.entries(logins.credHelpers).filter(([key]) => hostOf(key) !== registry)),
  }
}

/** The registry that a key of an auth file is for, exactly: `https://index.docker.io/v1/` and `docker.io` are the same. */
export function hostOf(key: string): string {
  const bare = key
    .replace(/^https?:\/\//, '')
    .replace(/\/(v1|v2)\/?$/, '')
    .replace(/\/$/, '')
  return ['index.docker.io', 'registry-1.docker.io'].includes(bare) ? 'docker.io' : bare
}
