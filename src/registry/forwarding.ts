import type { IncomingMessage } from 'node:http'
import { RegistryError } from '../errors.js'
import type { Reference } from '../metadata/reference.js'
import { outOfReach } from './errors.js'
import type { Request as Exchange, Response } from './http.js'
import { MANIFEST_LIMIT } from './manifest.js'
import { type ClientContext, writing } from './request.js'

/** What the engine asks of the proxy. */
export interface Request {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** Its headers and its body. */
  readonly incoming: IncomingMessage
}

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** The way from the proxy to the registry, with the login of the step and none of the engine. */
export interface Forwarding {
  /**
   * Sends on, with the login.
   * @param url in the registry; another host gets no login
   * @throws RegistryError when there is no answer
   */
  send(url: URL, exchange: Omit<Exchange, 'url' | 'limit'>): Promise<Response>
  /** The address below that of the registry. */
  locate(path: string): Promise<URL>
  /** Why there was no answer to what was sent last. */
  readonly failure: () => RegistryError | undefined
}

/** Headers of an answer that an engine goes by. */
const PASSED = ['content-type', 'content-length', 'docker-content-digest', 'range', 'retry-after']

export function openForwarding({ connection, authorization }: ClientContext, target: Reference): Forwarding {
  const access = writing(target)
  let failure: RegistryError | undefined
  const origin = async () => await connection.originOf(target.registry)
  const exchangeWith = async (url: URL, exchange: Omit<Exchange, 'url' | 'limit'>): Promise<Response> => {
    const trip = { ...exchange, url, limit: MANIFEST_LIMIT }
    if (url.origin !== (await origin())) return await connection.roundTrip(trip)
    let first: Response | undefined
    return await authorization.ask(access, async (header) => {
      // What came as a stream can't be sent again.
      if (first !== undefined && exchange.stream !== undefined) return first
      const headers = { ...exchange.headers, ...(header !== undefined && { authorization: header }) }
      first = await connection.roundTrip({ ...trip, headers })
      return first
    })
  }
  return {
    async send(url, exchange) {
      try {
        const response = await exchangeWith(url, exchange)
        failure = undefined
        return response
      } catch (error) {
        const reason = outOfReach(error, target.registry)
        if (reason instanceof RegistryError) failure = reason
        throw reason
      }
    },
    locate: async (path) => new URL(`${await origin()}${path}`),
    failure: () => failure,
  }
}

/** The registry's answer, as the engine gets it. */
export function passOn({ status, headers, body }: Response, further: Reply['headers'] = {}): Reply {
  const passed = PASSED.flatMap((name) => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value] as const] : []
  })
  return { status, headers: { ...Object.fromEntries(passed), ...further }, body }
}

/** An answer of the proxy itself, in the form of the distribution specification. */
export function errorReply(status: number, code: string, message = code.toLowerCase().replaceAll('_', ' ')): Reply {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message }] }))
  return { status, headers: { 'content-type': 'application/json' }, body }
}
