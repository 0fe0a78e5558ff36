import { HttpClient } from '@actions/http-client'
import {
  type Agent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Readable } from 'node:stream'
import type { Env } from '../exec.js'
import { authoritiesFor } from './ca-certificates.js'
import { once } from '../lib/memoize.js'
import { redirection } from './redirection.js'

/** What is asked of a server. */
export interface Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  /** A body that is sent as it comes. It may take as long as it likes, and so may the answer. */
  readonly stream?: Readable
  /** Bytes of an answer that are read at most. */
  readonly limit: number
  /** Takes what a 200 brings as it comes, in place of memory: any number of bytes, for as long as they keep coming. */
  readonly into?: (pieces: AsyncIterable<Buffer>) => Promise<void>
  /** Ends the exchange. */
  readonly signal?: AbortSignal
}

export interface Response {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** All headers of that name, one by one. */
  readonly challenges: readonly string[]
  readonly body: Buffer
  /** Where it came from: another place than was asked, where that led there. */
  readonly url: URL
}

/** The way to servers: one exchange, with its limits. */
export interface Connection {
  /** Asks, and follows where a reading question is led. @throws ConnectionError */
  roundTrip(request: Request): Promise<Response>
  /** The address of a registry, `https://host:port`, or `http://` where it may be so and isn't otherwise there. */
  originOf(registry: string): Promise<string>
  /** Whether credentials may go there: by https, or to a host that the user allowed to do without. */
  isPrivate(url: URL): boolean
  close(): void
}

/** An exchange without a whole answer. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'

  constructor(
    message: string,
    /** The network was at fault, and may not be the next time. */
    readonly transient: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

export interface ConnectionOptions {
  /** Hosts, with their ports, that the user allowed plain HTTP and unknown certificates for. */
  readonly insecure: readonly string[]
  readonly env: Env
  /** The longest without a byte while something is read, milliseconds. */
  readonly quietMs?: number
  /** The longest for one exchange, milliseconds. */
  readonly totalMs?: number
}

const IDLE_TIMEOUT_MS = 10_000
/** A registry that writes looks at every layer first: only this is the limit of its silence. */
const TOTAL_MS = 60_000
const REDIRECTS = 5
const TRANSIENT = [
  ...['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'ETIMEDOUT', 'EPIPE', 'EAI_AGAIN', 'ENETUNREACH'],
  ...['EHOSTUNREACH', 'ENETDOWN', 'ERR_STREAM_PREMATURE_CLOSE'],
]

export function openConnection(options: ConnectionOptions): Connection {
  const { insecure, env, quietMs = IDLE_TIMEOUT_MS, totalMs = TOTAL_MS } = options
  const agents = new Map<string, Promise<Transport>>()
  const origins = new Map<string, Promise<string>>()
  const isLoose = (url: URL) => insecure.some((host) => host === url.host || host === `${url.hostname}:${portOf(url)}`)
  const isPrivate = (url: URL) => url.protocol === 'https:' || (url.protocol === 'http:' && isLoose(url))
  const transportTo = (url: URL) =>
    once(agents, url.origin, async () => openTransport(url, isLoose(url), await authoritiesFor(url.host, env)))

  const roundTrip = async (request: Request): Promise<Response> => {
    let [asked, left] = [request, REDIRECTS]
    for (;;) {
      if (!isPrivate(asked.url)) throw new ConnectionError(`${asked.url.origin} doesn't use HTTPS`, false)
      const response = await send(asked, (await transportTo(asked.url)).agent, { quietMs, totalMs })
      const next = redirection(asked, response)
      if (next === undefined) return response
      if (--left < 0) throw new ConnectionError(`${request.url.host} redirects too often`, false)
      asked = { ...asked, ...next }
    }
  }

  return {
    roundTrip,
    isPrivate,
    originOf: (registry) =>
      once(origins, registry, async () => {
        const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry
        const secure = `https://${host}`
        return isLoose(new URL(secure)) ? await findOrigin(secure, `http://${host}`, roundTrip) : secure
      }),
    close() {
      for (const transport of agents.values())
        void transport.then(
          ({ client }) => {
            client.dispose()
          },
          () => undefined,
        )
    },
  }
}

/** HTTPS, whatever its certificate, and plain HTTP where nothing speaks that: for hosts that may do without. */
async function findOrigin(secure: string, plain: string, roundTrip: Connection['roundTrip']): Promise<string> {
  const isThere = async (origin: string) => {
    await roundTrip({ method: 'GET', url: new URL('/v2/', origin), limit: 64 * 1024 })
    return origin
  }
  return await isThere(secure).catch(async (error: unknown) => {
    return await isThere(plain).catch((second: unknown) => {
      // The second says more where the network was at fault: nothing answers there at all.
      throw second instanceof ConnectionError && second.transient ? second : error
    })
  })
}

interface Transport {
  readonly client: HttpClient
  readonly agent: Agent
}

/** Connections to one origin, kept alive, by a proxy where the environment names one. */
function openTransport(url: URL, isLoose: boolean, authorities: readonly string[]): Transport {
  const client = new HttpClient(undefined, [], { keepAlive: true })
  const agent = client.getAgent(url.origin)
  // The client's own switch does the same; it has none for authorities.
  const { options } = agent as unknown as { options: Record<string, unknown> }
  Object.assign(options, isLoose ? { rejectUnauthorized: false } : { ca: authorities })
  return { client, agent }
}

async function send(
  request: Request,
  agent: Agent,
  { quietMs, totalMs }: Required<Pick<ConnectionOptions, 'quietMs' | 'totalMs'>>,
): Promise<Response> {
  const { method, url } = request
  const clock = new AbortController()
  let tooLate: ConnectionError | undefined
  const late = (what: string) => () => {
    tooLate = new ConnectionError(`${url.host} ${what}`, true)
    clock.abort()
  }
  const isTimed = request.stream === undefined
  const total =
    isTimed && request.into === undefined
      ? setTimeout(late(`sent no complete response within ${totalMs / 1000} s`), totalMs)
      : undefined
  const isRead = method === 'GET' || method === 'HEAD'
  const quiet = isTimed && isRead ? setTimeout(late(`sent nothing for ${quietMs / 1000} s`), quietMs) : undefined
  const end = clock.abort.bind(clock, undefined)
  request.signal?.addEventListener('abort', end)
  if (request.signal?.aborted === true) end()
  try {
    const response = await start(request, agent, clock.signal)
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      challenges: response.headersDistinct['www-authenticate'] ?? [],
      body: await readBody(response, request, () => quiet?.refresh()),
      url,
    }
  } catch (error) {
    throw tooLate ?? connectionError(url, error)
  } finally {
    request.signal?.removeEventListener('abort', end)
    clearTimeout(total)
    clearTimeout(quiet)
  }
}

async function start(request: Request, agent: Agent, signal: AbortSignal): Promise<IncomingMessage> {
  const { method, url, headers, body, stream } = request
  const isWhole = body !== undefined || (method === 'POST' && stream === undefined)
  const length = isWhole ? { 'content-length': String(body?.length ?? 0) } : {}
  return await new Promise((resolve, reject) => {
    const all = { 'user-agent': 'rootless-image-build', ...headers, ...length }
    const options = { method, agent, signal, headers: all }
    const request = url.protocol === 'https:' ? httpsRequest(url, options, resolve) : httpRequest(url, options, resolve)
    request.on('error', reject)
    if (stream === undefined) request.end(body)
    else sendStream(stream, request)
  })
}

/** An answer may come before the end of what is sent; what is left is read all the same, so that its sender hears it. */
function sendStream(stream: Readable, request: ClientRequest): void {
  const drop = () => stream.unpipe(request).resume()
  request.on('error', drop).on('close', drop)
  stream.on('close', () => {
    if (!stream.readableEnded) request.destroy()
  })
  stream.pipe(request)
}

async function readBody(
  response: IncomingMessage,
  { url, limit, into }: Request,
  onPiece: () => void,
): Promise<Buffer> {
  const kept: Buffer[] = []
  let size = 0
  onPiece()
  if (into !== undefined && response.statusCode === 200) await into(watched(response, onPiece))
  else
    // Ends with an error where the connection ends before the answer does.
    for await (const piece of watched(response, onPiece)) {
      kept.push(piece)
      size += piece.length
      if (size > limit) throw new ConnectionError(`${url.host} sent more than ${limit} bytes`, false)
    }
  return Buffer.concat(kept)
}

async function* watched(response: IncomingMessage, onPiece: () => void): AsyncGenerator<Buffer> {
  for await (const piece of response as AsyncIterable<Buffer>) {
    onPiece()
    yield piece
  }
}

function connectionError(url: URL, error: unknown): ConnectionError {
  if (error instanceof ConnectionError) return error
  const { code, message } = error as NodeJS.ErrnoException
  // Where several addresses of a host were tried, the message is empty.
  const what = message === '' ? (code ?? 'unknown error') : message
  return new ConnectionError(`${url.host}: ${what}`, TRANSIENT.includes(code ?? ''), { cause: error })
}

function portOf({ protocol, port }: URL): string {
  return port === '' ? (protocol === 'https:' ? '443' : '80') : port
}
