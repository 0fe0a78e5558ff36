import { UserError } from '../errors.js'
import { quote } from '../lib/quote.js'
import { Secret } from '../lib/secret.js'
import { DOCKER_HUB, readRegistry, type WrittenRegistry } from '../metadata/reference.js'
import { pushes } from './image-output.js'
import { type InputReader, lines, refuse } from './input-parsers.js'
import { parseYamlList } from './yaml-list.js'

export interface Login {
  readonly username: string
  readonly password: Secret
}

const NO_PASSWORD =
  'Login: none; "password" is empty, as secrets are in runs for pull requests from forks. Nothing is pushed, so only base images may need a login'

/** Reads the inputs `username` and `password`. @throws UserError if one is missing and the step pushes */
export function login(read: InputReader): Login | undefined {
  const { username, password } = given(read)
  if (isIdle(read) || (username === undefined && password === undefined)) return undefined
  if (username === undefined) {
    throw new UserError(
      'Input "username" is missing: "password" is set.',
      'Write `username: ${{ github.actor }}` for ghcr.io, and `username: ${{ vars.REGISTRY_USERNAME }}` for another registry.',
    )
  }
  if (password === undefined) {
    throw new UserError(
      `Input "password" is missing or empty: "username" is ${JSON.stringify(username)}.`,
      'Write `password: ${{ secrets.REGISTRY_TOKEN }}`. Secrets are empty in runs for pull requests from forks.',
    )
  }
  return { username, password: new Secret(password) }
}

/** A sentence on a login that is ignored. */
export function loginNotes(read: InputReader): string[] {
  return isIdle(read) ? [NO_PASSWORD] : []
}

function isIdle(read: InputReader): boolean {
  const { username, password } = given(read)
  return !pushes(read) && username !== undefined && password === undefined
}

function given(read: InputReader) {
  const [username, password] = ['username', 'password'].map((name) => read(name).trim() || undefined)
  return { username, password }
}

/** A login for a registry, or for a part of it. */
export interface RegistryLogin extends Login {
  readonly registry: string
  /** A repository, or what its name begins with: `acme`, `acme/web`; undefined for the whole registry. */
  readonly scope: string | undefined
}

/** What Docker does otherwise. */
export const NO_SCOPES = {
  asks: (logins: readonly RegistryLogin[]) => logins.some(({ scope }) => scope !== undefined),
  example: '[{"username":"me","password":"x","scope":"acme/web"}]',
  why: 'logs in to a registry as a whole: its logins have no `scope`',
  hint: 'Leave `scope` out, or write `engine: buildah`.',
}

const AUTH = 'registry-auth'
const KEYS = new Set(['registry', 'username', 'password', 'scope', 'ecr'])
const SECRET = new Set(['password'])

/**
 * Reads the input `registry-auth`: the list of docker/login-action. An entry without a password is left out where nothing
 * is pushed.
 * @throws UserError for an entry that is no login, or is there twice; no error shows a password
 */
export function registryAuth(read: InputReader): RegistryLogin[] {
  const text = read(AUTH)
  if (text.trim() === '') return []
  const entries = parseYamlList(text, AUTH, SECRET)
  const other = ['registry', 'username', 'password'].find((name) => read(name).trim() !== '')
  if (other !== undefined && entries.length > 0)
    throw new UserError(
      `Input "${AUTH}" can't be used with "${other}".`,
      `Move \`${other}\` into an entry of \`${AUTH}\`, and remove it.`,
    )
  const logins = entries.filter((entry) => !isIdleEntry(entry, read)).map(loginOf)
  const place = ({ registry, scope }: RegistryLogin) => [registry, scope].join('/')
  const twice = logins.find((one, index) => logins.findIndex((other) => place(other) === place(one)) < index)
  if (twice === undefined) return logins
  throw new UserError(
    `Input "${AUTH}": there are two entries for ${quote(twice.registry)}${twice.scope === undefined ? '' : ` with the scope ${quote(twice.scope)}`}.`,
    'Keep one, or give each a `scope` of its own, such as `scope: acme/web`.',
  )
}

/** The logins of the step. Pure. @param registry that `username` and `password` are for */
export function stepLogins(
  { login, registryAuth }: { readonly login: Login | undefined; readonly registryAuth: readonly RegistryLogin[] },
  registry: string,
): readonly RegistryLogin[] {
  return login === undefined ? registryAuth : [{ registry, scope: undefined, ...login }]
}

/** A sentence on logins that are left out. */
export function registryAuthNotes(read: InputReader): string[] {
  const idle = parseYamlList(read(AUTH), AUTH, SECRET).filter((entry) => isIdleEntry(entry, read))
  if (idle.length === 0) return []
  const registries = idle.map((entry) => quote(entry.get('registry') ?? DOCKER_HUB))
  return [
    `Login: none for ${registries.join(', ')}; "password" is empty, as secrets are in runs for pull requests from forks. Nothing is pushed, so only base images may need a login`,
  ]
}

function isIdleEntry(entry: ReadonlyMap<string, string>, read: InputReader): boolean {
  return !pushes(read) && !entry.get('password') && !!entry.get('username')
}

function loginOf(entry: ReadonlyMap<string, string>, index: number): RegistryLogin {
  const entryError: EntryError = (what, hint) => new UserError(`Input "${AUTH}": entry ${index + 1} ${what}.`, hint)
  const unknown = [...entry.keys()].find((key) => !KEYS.has(key))
  if (unknown !== undefined)
    throw entryError(`has the key ${quote(unknown)}`, `Its keys are registry, username, password and scope.`)
  if (!/^(auto|false|)$/.test(entry.get('ecr') ?? ''))
    throw entryError('has `ecr`', 'Log in to Amazon ECR with aws-actions/amazon-ecr-login in an earlier step.')
  const [username, password] = ['username', 'password'].map((key) => entry.get(key) ?? '')
  if (!username || !password)
    throw entryError(
      `has no ${username ? 'password' : 'username'}, or an empty one`,
      "Write `username: …` and `password: '${{ secrets.TOKEN }}'`. Secrets are empty in runs for pull requests from forks.",
    )
  const { registry, path } = registryOf(entry.get('registry') ?? '', entryError)
  if (path !== '' && !/^v[12]$/.test(path))
    throw entryError(
      `has the registry ${quote(entry.get('registry') ?? '')}, which has a path`,
      `Write \`registry: ${registry}\` and \`scope: ${path}\`.`,
    )
  return { registry, username, password: new Secret(password), scope: scopeOf(entry.get('scope') ?? '', entryError) }
}

type EntryError = (what: string, hint: string) => UserError

function registryOf(text: string, entryError: EntryError): WrittenRegistry {
  try {
    return readRegistry(text)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw entryError(
      `has a registry that is none: ${error.message}`,
      error.hint ?? 'Write its host, such as `registry: ghcr.io`.',
    )
  }
}

function scopeOf(text: string, entryError: EntryError): string | undefined {
  const [path = '', actions] = text.split('@')
  if (actions !== undefined)
    throw entryError(
      `has the scope ${quote(text)}, and Buildah knows none for pulls or pushes alone`,
      `Write \`scope: ${path || 'acme/web'}\`, with a token that may do both, or leave it out.`,
    )
  if (text === '') return undefined
  if (!/^[a-z0-9]+([._/-]+[a-z0-9]+)*$/.test(text))
    throw entryError(
      `has the scope ${quote(text)}`,
      'A scope is the name of a repository without its registry, or its beginning: `acme/web`, `acme`.',
    )
  return text
}

/** A place that is asked for images before the registry that they are in. */
export interface RegistryMirror {
  /** What names begin with: `docker.io`, `ghcr.io/acme`. */
  readonly prefix: string
  /** The registry that is the mirror. */
  readonly registry: string
  /** What takes the place of the prefix: `mirror.example/hub`. */
  readonly location: string
}

/** What Docker does otherwise. */
export const NO_MIRRORS = {
  asks: (mirrors: readonly RegistryMirror[]) => mirrors.length > 0,
  example: 'docker.io=mirror.gcr.io',
  why: 'pulls as its own configuration says',
  hint: 'Configure the builder, with `buildkitd-config-inline` of docker/setup-buildx-action, or the daemon, with "registry-mirrors" in /etc/docker/daemon.json.',
}

const MIRRORS = 'registry-mirrors'
const PAIRS = 'Write a registry and its mirror, one pair a line: `docker.io=mirror.example/path`.'

/** Reads `registry-mirrors`: `registry=mirror` lines. @throws UserError for a line that is none */
export function registryMirrors(read: InputReader): RegistryMirror[] {
  return lines(read(MIRRORS)).map((line) => {
    const [from = '', to = '', ...more] = line.split('=').map((part) => part.trim())
    if (from === '' || to === '' || more.length > 0) throw refuse(MIRRORS, line, PAIRS)
    const registry = placeOf(to, line)
    return { prefix: placeOf(from, line).place, registry: registry.registry, location: registry.place }
  })
}

function placeOf(text: string, line: string): { readonly registry: string; readonly place: string } {
  try {
    const { registry, path } = readRegistry(text)
    if (!/^[\w./-]*$/.test(path)) throw refuse(MIRRORS, line, `${PAIRS} Neither has a tag.`)
    return { registry, place: path === '' ? registry : `${registry}/${path}` }
  } catch (error) {
    if (!(error instanceof UserError) || error.message.startsWith('Input ')) throw error
    throw refuse(MIRRORS, line, `${error.message}. ${PAIRS}`, error.hint)
  }
}
