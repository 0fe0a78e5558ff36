import { isAbsolute, join } from 'node:path'
import { readFile } from 'node:fs/promises'
import type { Context } from './context.js'
import { UserError } from './errors.js'
import { isObject, objectOf } from './json.js'

/** The parts of containers-auth.json(5) and of Docker's config.json that say how to log in somewhere. */
export interface AuthFile {
  readonly auths: Readonly<Record<string, unknown>>
  readonly credHelpers: Readonly<Record<string, string>>
}

/**
 * The files that the user's earlier logins may be in, in the order in which Buildah asks them.
 * @see containers-auth.json(5)
 */
export function authFilePaths({ env, home }: Context): string[] {
  const runtime = env['XDG_RUNTIME_DIR']
  const named = env['REGISTRY_AUTH_FILE']
  return [
    ...(named === undefined || named === '' ? [] : [named]),
    ...(runtime === undefined || runtime === '' ? [] : [join(runtime, 'containers/auth.json')]),
    join(env['XDG_CONFIG_HOME'] ?? join(home, '.config'), 'containers/auth.json'),
    join(env['DOCKER_CONFIG'] ?? join(home, '.docker'), 'config.json'),
  ].filter((path) => isAbsolute(path))
}

/**
 * Reads what the user is logged in to, from all files together; the earlier file wins where two know a registry.
 * @throws UserError for a file that isn't JSON
 */
export async function readLogins(context: Context): Promise<AuthFile> {
  let merged: AuthFile = { auths: {}, credHelpers: {} }
  for (const path of authFilePaths(context)) {
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text === undefined || text.trim() === '') continue
    const { auths, credHelpers } = parseAuthFile(text, path)
    // In one file Buildah asks a helper first; a later file's helper must not win over an earlier file's login.
    const known = new Set(Object.keys(merged.auths).map(hostOf))
    const further = Object.fromEntries(Object.entries(credHelpers).filter(([key]) => !known.has(hostOf(key))))
    merged = { auths: { ...auths, ...merged.auths }, credHelpers: { ...further, ...merged.credHelpers } }
  }
  return merged
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
      'Log in anew (`buildah login`, `docker login`), or remove the file.',
    )
  }
  const { auths, credHelpers, credsStore } = objectOf(value)
  const entries = Object.entries(objectOf(auths))
  const isStored = (entry: unknown) =>
    typeof credsStore === 'string' && isObject(entry) && Object.keys(entry).length === 0
  const stored = entries
    .filter(([, entry]) => isStored(entry))
    .map(([key]) => [hostOf(key), credsStore as string] as const)
  const named = Object.entries(objectOf(credHelpers))
  return {
    auths: Object.fromEntries(entries.filter(([, entry]) => !isStored(entry))),
    credHelpers: {
      ...Object.fromEntries(stored),
      ...Object.fromEntries(named.filter((entry): entry is [string, string] => typeof entry[1] === 'string')),
    },
  }
}

/** The logins without those of one registry, for the login that replaces them; keys may be URLs of old Docker versions. */
export function withoutRegistry(logins: AuthFile, registry: string): AuthFile {
  const isOther = ([key]: [string, unknown]) => hostOf(key) !== registry
  return {
    auths: Object.fromEntries(Object.entries(logins.auths).filter(isOther)),
    credHelpers: Object.fromEntries(Object.entries(logins.credHelpers).filter(isOther)),
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
