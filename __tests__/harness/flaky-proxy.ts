import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'

import { close, listen } from './loopback.js'

/** One of the errors in the body of a registry's answer. */
export interface ScriptedError {
  readonly code: string
  readonly message?: string
  readonly detail?: unknown
}

export interface ScriptedAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** What the body says, by default one with the code that goes with the status. */
  readonly errors?: readonly ScriptedError[]
  /** The whole body, in place of those. */
  readonly body?: string
}

/** One scripted fault: what the proxy does, instead of passing on, to the first `times` requests that fit. */
export interface Fault {
  readonly method: string
  readonly path: RegExp
  readonly times: number
  /**
   * An answer with this status; `cut`, which ends the connection after the first half of the body has come; `silence`, which
   * answers nothing; `trickle`, a byte a second; or `pass`, the registry's own, after `meanwhile`.
   */
  readonly answer: ScriptedAnswer | Manner
  /** What happens in the registry before it is answered. @param requests those before this one */
  readonly meanwhile?: (requests: readonly Passed[]) => Promise<void>
}

type Manner = 'cut' | 'silence' | 'trickle' | 'pass'

export interface Passed {
  readonly method: string
  readonly path: string
  /** The status answered, or what came in its place. */
  readonly answer: number | Manner
  /** When it came, on the clock of `performance.now()`. */
  readonly milliseconds: number
}

export interface FlakyProxy {
  readonly host: string
  /** Every request in the order in which they were answered. */
  readonly requests: readonly Passed[]
  /** How many requests fit. */
  count(method: string, path: RegExp): number
  stop(): Promise<void>
}

/** What a registry says beside these statuses: its clients go by the code, too. */
const errorCodes: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'NAME_UNKNOWN',
  429: 'TOOMANYREQUESTS',
}

const scriptedError = (status: number): ScriptedError => ({
  code: errorCodes[status] ?? 'UNAVAILABLE',
  message: 'as scripted',
})

/** A reverse proxy on loopback in front of a registry, with faults. It stands for the network, not for the registry. */
export async function startFlakyProxy(registryHost: string, faults: readonly Fault[]): Promise<FlakyProxy> {
  const left = faults.map((fault) => ({ fault, times: fault.times }))
  const requests: Passed[] = []
  const server = createServer((incoming, answer) => {
    const { method = '', url: path = '' } = incoming
    const milliseconds = performance.now()
    const note = (answer: number | Manner) => requests.push({ method, path, answer, milliseconds })
    const script = left.find(({ fault, times }) => times > 0 && fault.method === method && fault.path.test(path))
    if (script === undefined) {
      passOn(registryHost, incoming, answer, note)
      return
    }
    script.times -= 1
    const { answer: fault, meanwhile } = script.fault
    const before = meanwhile?.([...requests])
    if (typeof fault !== 'string') {
      note(fault.status)
      refuse(fault, incoming, answer, before).catch(() => answer.destroy())
      return
    }
    if (fault !== 'pass') note(fault)
    if (fault === 'trickle') trickle(incoming, answer)
    else if (fault === 'silence') incoming.resume()
    else
      Promise.resolve(before).then(
        () => {
          if (fault === 'cut') cutHalfWay(registryHost, incoming)
          else passOn(registryHost, incoming, answer, note)
        },
        () => answer.destroy(),
      )
  })
  const host = await listen(server)
  return {
    host,
    requests,
    count: (method, path) => requests.filter((one) => one.method === method && path.test(one.path)).length,
    stop: () => close(server),
  }
}

// The Host header is passed on as it came, so that the registry's Location headers lead back here.
function towards(registryHost: string, incoming: IncomingMessage): ReturnType<typeof request> {
  const { method, url, headers } = incoming
  return request(`http://${registryHost}${url ?? '/'}`, { method, headers })
}

function passOn(host: string, incoming: IncomingMessage, answer: ServerResponse, note: (status: number) => void): void {
  const outgoing = towards(host, incoming)
  outgoing.on('response', (response) => {
    const status = response.statusCode ?? 502
    note(status)
    answer.writeHead(status, response.headers)
    response.pipe(answer)
  })
  outgoing.on('error', () => {
    note(502)
    answer.destroy()
  })
  incoming.pipe(outgoing)
}

async function refuse(
  { status, headers, body, errors = [scriptedError(status)] }: ScriptedAnswer,
  incoming: IncomingMessage,
  answer: ServerResponse,
  meanwhile?: Promise<void>,
): Promise<void> {
  // The body is read to its end: a client that is still sending would see a reset and not the answer.
  await Promise.all([incoming.toArray(), meanwhile])
  answer.writeHead(status, { 'content-type': 'application/json', ...headers })
  answer.end(body ?? JSON.stringify({ errors }))
}

function trickle(incoming: IncomingMessage, answer: ServerResponse): void {
  incoming.resume()
  answer.writeHead(200, { 'content-type': 'application/octet-stream' })
  const timer = setInterval(() => answer.write('x'), 1000)
  answer.on('close', () => {
    clearInterval(timer)
  })
}

/** Hands the registry the first half of the body (of the first piece, where the length is unknown), then drops both ends. */
function cutHalfWay(host: string, incoming: IncomingMessage): void {
  const outgoing = towards(host, incoming)
  outgoing.on('error', () => undefined)
  const length = Number(incoming.headers['content-length'] ?? 0)
  let handed = 0
  let isCut = false
  const cut = (): void => {
    isCut = true
    outgoing.destroy()
    // What still comes is read: closed with something unread, the connection would be reset instead of ended.
    incoming.socket.end()
  }
  incoming.on('data', (piece: Buffer) => {
    if (isCut) return
    const room = length > 0 ? Math.ceil(length / 2) - handed : Math.ceil(piece.length / 2)
    const half = piece.subarray(0, Math.max(0, room))
    handed += half.length
    outgoing.write(half)
    if (length === 0 || handed >= length / 2) cut()
  })
  incoming.on('end', cut)
}
