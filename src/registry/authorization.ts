import type { Clock } from '../lib/clock.js'
import type { Secret } from '../lib/secret.js'
import { chooseChallenge, type AuthChallenge } from './www-authenticate.js'
import type { Response, Connection } from './http.js'
import { basicHeader, type Login, secretsOf } from '../auth/keychain.js'
import { once } from '../lib/memoize.js'
import { fetchToken, type Token, withoutSecrets } from './tokens.js'

/** A repository and what is done with it: the scope of a token. */
export interface Access {
  readonly registry: string
  readonly repository: string
  /** `repository:acme/web:pull` */
  readonly scopes: readonly string[]
}

/** Adds logins to requests. */
export interface Authorization {
  /**
   * Sends a request. The first to a registry goes without a login; later ones with what the registry asks for.
   * @param send sends it with this header `Authorization`
   * @returns the last answer, whatever its status, without any credentials that the registry repeats
   * @throws RegistryError if credentials must not be sent there, or if no token is issued
   */
  ask(access: Access, send: (header: string | undefined) => Promise<Response>): Promise<Response>
  /** User name of the login; undefined without a login, '' for a login without a name. */
  whoAsks(access: Access): Promise<string | undefined>
}

type FindLogin = (registry: string, repository: string) => Promise<Login | undefined>

/** A token that expires sooner than this isn't used any more: the request takes time. */
const EXPIRY_MARGIN_MS = 500

export function openAuthorization(connection: Connection, find: FindLogin, clock: Clock): Authorization {
  const logins = new Map<string, Promise<Login | undefined>>()
  const demands = new Map<string, AuthChallenge>()
  const tokens = new Map<string, Promise<Token>>()
  const loginOf = ({ registry, repository }: Access) =>
    once(logins, `${registry}/${repository}`, () => find(registry, repository))

  const headerFor = async (access: Access, demand: AuthChallenge): Promise<Secret | undefined> => {
    const login = await loginOf(access)
    if (demand.kind === 'basic') return login?.kind === 'password' ? basicHeader(login) : undefined
    const key = JSON.stringify([access.registry, demand, access.scopes])
    const kept = tokens.get(key)
    const isOver = kept !== undefined && (await kept).until - EXPIRY_MARGIN_MS < clock.now()
    // Others may have waited for the same, and have a new one by now.
    if (isOver && tokens.get(key) === kept) tokens.delete(key)
    return (await once(tokens, key, () => fetchToken(connection, { ...access, demand, login }, clock))).header
  }
  const forget = async (header: Secret) => {
    for (const [key, token] of tokens) if ((await token.catch(() => undefined))?.header === header) tokens.delete(key)
  }

  const ask: Authorization['ask'] = async (access, send) => {
    const known = demands.get(access.registry)
    const first = known === undefined ? undefined : await headerFor(access, known)
    const response = await send(first?.reveal())
    // Where it leads elsewhere, that place has no say in who gets the login.
    if (response.status !== 401 || response.url.origin !== (await connection.originOf(access.registry))) return response
    const demand = chooseChallenge(response.challenges)
    // A token that was refused may have been withdrawn, and there is another; a password stays what it is.
    if (first !== undefined) await forget(first)
    if (demand === undefined || (demand.kind === 'basic' && known?.kind === 'basic')) return response
    const second = await headerFor(access, demand)
    demands.set(access.registry, demand)
    return second === undefined ? response : await send(second.reveal())
  }

  return {
    ask: async (access, send) => {
      const sent: string[] = []
      const response = await ask(access, (header) => {
        if (header !== undefined) sent.push(header, header.slice(header.indexOf(' ') + 1))
        return send(header)
      })
      return response.status < 400 ? response : withoutSecrets(response, [...sent, ...secretsOf(await loginOf(access))])
    },
    whoAsks: async (access) => (await loginOf(access))?.username,
  }
}
