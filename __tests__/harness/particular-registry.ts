import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

import type { ScriptedAnswer } from './flaky-proxy.js'
import { close, listen } from './loopback.js'

/** What a registry doesn't do. */
export interface Refusal {
  readonly method: string
  /** Of the path with its query. */
  readonly path: RegExp
  /** Of the body, for manifests. */
  readonly body?: RegExp
  /** Its answer; or it hangs up. */
  readonly answer: ScriptedAnswer | 'hangs up'
}

export interface Particulars {
  readonly refusals: readonly Refusal[]
  /** Where an upload goes on is said without the host. */
  readonly relativeLocations?: boolean
}

export interface ParticularRegistry {
  readonly host: string
  /** `PUT /v2/…`, what was refused. */
  readonly refused: readonly string[]
  stop(): Promise<void>
}

/** A registry with the particulars of a product, in front of one that has none. */
export async function startParticularRegistry(
  registryHost: string,
  { refusals, relativeLocations = false }: Particulars,
): Promise<ParticularRegistry> {
  const refused: string[] = []
  const serve = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const { method = '', url: path = '' } = incoming
    const sent = Buffer.concat((await incoming.toArray()) as Buffer[])
    const refusal = refusals.find(
      (one) => one.method === method && one.path.test(path) && (one.body?.test(sent.toString()) ?? true),
    )
    if (refusal === undefined) {
      passOn(registryHost, { incoming, sent, relativeLocations }, answer)
      return
    }
    refused.push(`${method} ${path}`)
    if (refusal.answer === 'hangs up') incoming.socket.destroy()
    else refuse(refusal.answer, answer)
  }
  const server = createServer((incoming, answer) => {
    serve(incoming, answer).catch(() => answer.destroy())
  })
  return { host: await listen(server), refused, stop: () => close(server) }
}

function refuse({ status, headers, body, errors = [] }: ScriptedAnswer, answer: ServerResponse): void {
  answer.writeHead(status, { 'content-type': 'application/json', ...headers })
  answer.end(body ?? JSON.stringify({ errors }))
}

interface Passing {
  readonly incoming: IncomingMessage
  readonly sent: Buffer
  readonly relativeLocations: boolean
}

function passOn(host: string, { incoming, sent, relativeLocations }: Passing, answer: ServerResponse): void {
  const { method, url = '/', headers } = incoming
  // The Host header is passed on as it came, so that the registry's Location headers lead back here.
  const own = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'transfer-encoding'))
  const outgoing = request(`http://${host}${url}`, { method, headers: { ...own, 'content-length': sent.length } })
  outgoing.on('response', (response) => {
    const { location } = response.headers
    const isShort = relativeLocations && location !== undefined
    const shorter = isShort ? { location: location.replace(/^https?:\/\/[^/]+/, '') } : {}
    answer.writeHead(response.statusCode ?? 502, { ...response.headers, ...shorter })
    response.pipe(answer)
  })
  outgoing.on('error', () => answer.destroy())
  outgoing.end(sent)
}
