import { UserError } from '../errors.js'
import { quote } from '../lib/quote.js'
import { Secret } from '../lib/secret.js'
import { DOCKER_HUB, readRegistry, type WrittenRegistry } from '../metadata/reference.js'
import { boolean, type InputReader } from './input-parsers.js'
import type { Login } from './login-inputs.js'
import { parseYamlList } from './yaml-list.js'

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

const INPUT = 'registry-auth'
const KEYS = new Set(['registry', 'username', 'password', 'scope', 'ecr'])
const SECRET = new Set(['password'])

/**
 * Reads the input `registry-auth`: the list of docker/login-action. An entry without a password is left out where nothing
 * is pushed.
 * @throws UserError for an entry that is no login, or is there twice; no error shows a password
 */
export function registryAuth(read: InputReader): RegistryLogin[] {
  const text = read(INPUT)
  if (text.trim() === '') return []
  const entries = parseYamlList(text, INPUT, SECRET)
  const other = ['registry', 'username', 'password'].find((name) => read(name).trim() !== '')
  if (other !== undefined && entries.length > 0)
    throw new UserError(
      `Input "${INPUT}" can't be used with "${other}".`,
      `Move \`${other}\` into an entry of \`${INPUT}\`, and remove it.`,
    )
  const logins = entries.filter((entry) => !isIdle(entry, read)).map(loginOf)
  const place = ({ registry, scope }: RegistryLogin) => [registry, scope].join('/')
  const twice = logins.find((one, index) => logins.findIndex((other) => place(other) === place(one)) < index)
  if (twice === undefined) return logins
  throw new UserError(
    `Input "${INPUT}": there are two entries for ${quote(twice.registry)}${twice.scope === undefined ? '' : ` with the scope ${quote(twice.scope)}`}.`,
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
  const idle = parseYamlList(read(INPUT), INPUT, SECRET).filter((entry) => isIdle(entry, read))
  if (idle.length === 0) return []
  const registries = idle.map((entry) => quote(entry.get('registry') ?? DOCKER_HUB))
  return [
    `Login: none for ${registries.join(', ')}; "password" is empty, as secrets are in runs for pull requests from forks. Nothing is pushed, so only base images may need a login`,
  ]
}

function isIdle(entry: ReadonlyMap<string, string>, read: InputReader): boolean {
  return !boolean(read, 'push', false) && !entry.get('password') && !!entry.get('username')
}

function loginOf(entry: ReadonlyMap<string, string>, index: number): RegistryLogin {
  const refuse: Refuse = (what, hint) => new UserError(`Input "${INPUT}": entry ${index + 1} ${what}.`, hint)
  const unknown = [...entry.keys()].find((key) => !KEYS.has(key))
  if (unknown !== undefined)
    throw refuse(`has the key ${quote(unknown)}`, `Its keys are registry, username, password and scope.`)
  if (!/^(auto|false|)$/.test(entry.get('ecr') ?? ''))
    throw refuse('has `ecr`', 'Log in to Amazon ECR with aws-actions/amazon-ecr-login in an earlier step.')
  const [username, password] = ['username', 'password'].map((key) => entry.get(key) ?? '')
  if (!username || !password)
    throw refuse(
      `has no ${username ? 'password' : 'username'}, or an empty one`,
      "Write `username: …` and `password: '${{ secrets.TOKEN }}'`. Secrets are empty in runs for pull requests from forks.",
    )
  const { registry, path } = registryOf(entry.get('registry') ?? '', refuse)
  if (path !== '' && !/^v[12]$/.test(path))
    throw refuse(
      `has the registry ${quote(entry.get('registry') ?? '')}, which has a path`,
      `Write \`registry: ${registry}\` and \`scope: ${path}\`.`,
    )
  return { registry, username, password: new Secret(password), scope: scopeOf(entry.get('scope') ?? '', refuse) }
}

type Refuse = (what: string, hint: string) => UserError

function registryOf(text: string, refuse: Refuse): WrittenRegistry {
  try {
    return readRegistry(text)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw refuse(
      `has a registry that is none: ${error.message}`,
      error.hint ?? 'Write its host, such as `registry: ghcr.io`.',
    )
  }
}

function scopeOf(text: string, refuse: Refuse): string | undefined {
  const [path = '', actions] = text.split('@')
  if (actions !== undefined)
    throw refuse(
      `has the scope ${quote(text)}, and Buildah knows none for pulls or pushes alone`,
      `Write \`scope: ${path || 'acme/web'}\`, with a token that may do both, or leave it out.`,
    )
  if (text === '') return undefined
  if (!/^[a-z0-9]+([._/-]+[a-z0-9]+)*$/.test(text))
    throw refuse(
      `has the scope ${quote(text)}`,
      'A scope is the name of a repository without its registry, or its beginning: `acme/web`, `acme`.',
    )
  return text
}
