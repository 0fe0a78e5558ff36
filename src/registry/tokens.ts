import type { Clock } from '../lib/clock.js'
import { RegistryError } from '../errors.js'
import { quote } from '../lib/quote.js'
import { parseObject } from '../lib/json.js'
import { Secret } from '../lib/secret.js'
import type { AuthChallenge } from './www-authenticate.js'
import type { Response, Connection, Request } from './http.js'
import { basicHeader, type Login, secretsOf } from '../auth/keychain.js'
import { isPage, NO_REGISTRY, outOfReach, statusText, failure } from './errors.js'

export interface Token {
  /** The header `Authorization` with it. */
  readonly header: Secret
  /** When it expires, in milliseconds since 1970. */
  readonly until: number
}

/** A request for a token. */
export interface TokenRequest {
  readonly registry: string
  readonly repository: string
  readonly scopes: readonly string[]
  readonly demand: AuthChallenge & { readonly kind: 'bearer' }
  readonly login: Login | undefined
}

const LIMIT = 1024 * 1024
const DEFAULT_LIFE_S = 60
const CLIENT = 'rootless-image-build'

/**
 * Gets a token from where the registry says: by GET as distribution, Docker Hub, GHCR, GCR and Quay have it, with the
 * password or as nobody; by POST (OAuth 2) for an identity token.
 * @see https://distribution.github.io/distribution/spec/auth/token/
 * @throws RegistryError
 */
export async function fetchToken(connection: Connection, request: TokenRequest, clock: Clock): Promise<Token> {
  const realm = checkRealm(connection, request)
  const asked = clock.now()
  const question =
    request.login?.kind === 'identity' ? roundTripOf(realm, request, request.login) : queryOf(realm, request)
  const answer = await connection.roundTrip({ ...question, limit: LIMIT }).catch((error: unknown) => {
    throw outOfReach(error, `${realm.host}, the token server of ${request.registry},`)
  })
  if (answer.status !== 200) throw noToken(withoutSecrets(answer, secretsOf(request.login)), realm, request)
  const { token, access_token: access, expires_in: life } = parseObject(answer.body.toString('utf8'))
  const given = [token, access].find((one): one is string => typeof one === 'string' && one !== '')
  // It becomes part of a header.
  if (given === undefined || !/^[\x21-\x7e]+$/.test(given))
    throw new RegistryError(
      `${realm.host}, the token server of ${request.registry}, sent no token.`,
      NO_REGISTRY,
      false,
    )
  const seconds = typeof life === 'number' && life > 0 ? life : DEFAULT_LIFE_S
  return { header: new Secret(`Bearer ${given}`), until: asked + seconds * 1000 }
}

/** An answer in which these texts can't be read, should the server have repeated them. */
export function withoutSecrets(answer: Response, secrets: readonly string[]): Response {
  const body = secrets
    .filter((secret) => secret !== '')
    .reduce((text, secret) => text.replaceAll(secret, '***'), answer.body.toString('utf8'))
  return { ...answer, body: Buffer.from(body) }
}

function checkRealm(connection: Connection, { registry, demand }: TokenRequest): URL {
  const refuse = (what: string) =>
    new RegistryError(
      `The token server of ${registry} is ${quote(demand.realm)}, which ${what}, so no login is sent there.`,
      'The operator of the registry can change that. `tls-verify: false` allows plain HTTP only for the registries of the references.',
      false,
    )
  if (!URL.canParse(demand.realm)) throw refuse("isn't a valid URL")
  const realm = new URL(demand.realm)
  if (realm.username !== '' || realm.password !== '') throw refuse('contains a user name')
  if (!connection.isPrivate(realm)) throw refuse("doesn't use HTTPS")
  return realm
}

function queryOf(realm: URL, { scopes, demand, login }: TokenRequest): Omit<Request, 'limit'> {
  const url = new URL(realm)
  if (demand.service !== undefined) url.searchParams.set('service', demand.service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (login?.kind !== 'password') return { method: 'GET', url }
  url.searchParams.set('account', login.username)
  return { method: 'GET', url, headers: { authorization: basicHeader(login).reveal() } }
}

function roundTripOf(
  url: URL,
  { scopes, demand }: TokenRequest,
  login: Login & { kind: 'identity' },
): Omit<Request, 'limit'> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: CLIENT,
    refresh_token: login.token.reveal(),
    scope: scopes.join(' '),
    ...(demand.service !== undefined && { service: demand.service }),
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', url, headers, body: Buffer.from(form.toString()) }
}

function noToken(answer: Response, realm: URL, { registry, repository, login }: TokenRequest): RegistryError {
  const transient = failure(answer, realm.host)
  if (transient !== undefined) return transient
  const { status } = answer
  if (status === 404 || status === 405 || isPage(answer))
    return new RegistryError(
      `${realm.host}, the token server of ${registry}, sent no token (${statusText(answer)}).`,
      NO_REGISTRY,
      false,
    )
  const whom = login === undefined ? 'anonymous users' : quote(login.username)
  return new RegistryError(
    `Access denied: ${realm.host}, the token server of ${registry}, gives ${whom} no token for ${repository} (${statusText(answer)}).`,
    login === undefined
      ? `Log in to ${registry}: set \`username\` and \`password\` (and \`registry: ${registry}\`), or log in with an earlier step.`
      : 'Check "username", "password" and "registry"; with two-factor authentication, use an access token as the password.',
    false,
    { refuses: status === 401 || status === 403 },
  )
}
