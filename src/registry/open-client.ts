import { findLogin } from '../auth/keychain.js'
import { systemClock } from '../lib/clock.js'
import { openAuthorization } from './authorization.js'
import { type Connection, openConnection } from './http.js'
import type { RegistriesOptions } from './registries.js'
import type { ClientContext } from './request.js'

/** A way to registries that counts what goes over it. */
export interface Counted extends ClientContext {
  readonly requests: () => number
}

/** The same way, for somebody without any login. */
export function withoutLogin({ connection }: ClientContext): ClientContext {
  return { connection, authorization: openAuthorization(connection, () => Promise.resolve(undefined), systemClock) }
}

/** Opens the way to registries: nothing is asked yet. */
export function openClient(options: RegistriesOptions): Counted {
  const own = openConnection(options)
  let requests = 0
  const connection: Connection = {
    ...own,
    roundTrip(request) {
      requests += 1
      return own.roundTrip(request)
    },
  }
  const find = (registry: string, repository: string) => findLogin(registry, repository, options)
  const authorization = openAuthorization(connection, find, options.clock ?? systemClock)
  return { connection, authorization, requests: () => requests }
}
