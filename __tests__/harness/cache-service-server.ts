import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import { answerBlob, soughtRange } from './cache-service-blobs.js'
import { type Call, goesToBlobStore, isUpload, recognise } from './cache-service-calls.js'
import { type Answer, type BodyFault, type FaultScript, scriptedReply } from './cache-service-faults.js'
import type { Noting } from './cache-service-log.js'
import { failure, json, type Reply } from './cache-service-replies.js'
import { type StagingOptions, keysInBody, keysInUrl, type Question } from './cache-service-requests.js'
import { type Grant, readToken } from './cache-service-tokens.js'
import { Dropped, type Exchange, isEnd, type Link, receive, send, untilOver } from './cache-service-transfer.js'
import { answerV1 } from './cache-service-v1.js'
import { answerRpc } from './cache-service-v2.js'

export interface Room {
  readonly stagingDir: StagingOptions
  readonly faults: FaultScript
  readonly log: Noting[]
  readonly up: Link
  readonly down: Link
  /** Milliseconds that every request waits before anything is done about it. */
  readonly latency: number
  /** What went wrong in the service itself. */
  readonly problems: unknown[]
}

/** Answers one request, or lets a fault do it, and notes it. */
export async function serve(room: Room, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const exchange = { incoming, outgoing, socket: incoming.socket }
  // Behind `http_proxy`, the whole URL stands where the path does.
  const url = new URL(incoming.url ?? '/', 'http://localhost')
  const call = recognise(incoming.method ?? '', url)
  const seen = note(room, incoming, url, call)
  const started = performance.now()
  try {
    if (room.latency > 0) await sleep(room.latency)
    if (call === undefined) await refuse(exchange, seen)
    else await answer(room, exchange, seen, { call, url })
  } catch (error) {
    if (!isEnd(error)) room.problems.push(error)
    exchange.socket.destroy()
    seen.status = 'dropped'
  }
  seen.milliseconds = performance.now() - started
}

function note({ log }: Room, incoming: IncomingMessage, url: URL, call: Call | undefined): Noting {
  const blob = call !== undefined && (goesToBlobStore(call.name) || isUpload(call.name))
  const seen: Noting = {
    call: call?.name,
    kind: blob ? 'blob' : 'service',
    method: incoming.method ?? '',
    path: url.pathname,
    keys: [],
    range: rangeHeader(incoming),
    at: performance.now(),
    milliseconds: undefined,
    status: undefined,
    fault: undefined,
    bytesUp: 0,
    bytesDown: 0,
  }
  log.push(seen)
  return seen
}

function rangeHeader({ headers }: IncomingMessage): string | undefined {
  const range = headers['content-range'] ?? headers['x-ms-range'] ?? headers.range
  return typeof range === 'string' ? range : undefined
}

async function refuse(exchange: Exchange, seen: Noting): Promise<void> {
  exchange.incoming.resume()
  seen.status = 404
  const reply = json(404, { message: `No route for ${seen.method} ${seen.path}` })
  await send(exchange, reply, { link: undefined, fault: undefined, count: down(seen) })
}

function down(seen: Noting): (bytes: number) => void {
  return (bytes) => {
    seen.bytesDown += bytes
  }
}

async function answer(
  room: Room,
  exchange: Exchange,
  seen: Noting,
  { call, url }: Pick<Question, 'call' | 'url'>,
): Promise<void> {
  const { stagingDir } = room
  const { incoming } = exchange
  const entry = stagingDir.store.withId(call.id)
  const raw = carriesJson(call) ? await readAll(incoming, seen) : ''
  const body = parsed(raw)
  seen.keys = entry ? [entry.key] : keysOf(call, url, body)
  const request = { call: call.name, method: seen.method, path: seen.path, keys: seen.keys }
  const fault = room.faults.take({ ...request, range: entry && soughtRange(entry, incoming.headers) })
  seen.fault = fault
  if (typeof fault === 'object' && 'hang' in fault) {
    await untilOver(exchange.socket, fault.hang)
    throw new Dropped('Hung until now')
  }
  const bytes = counted(receive(exchange, room.up, isUpload(call.name) ? bodyFault(fault) : undefined), seen)
  const question = {
    call,
    url,
    headers: incoming.headers,
    grant: grantOf(stagingDir, incoming),
    json: body,
    bytes,
    entry,
  }
  const reply = scriptedReply(call.name, fault) ?? (await route(stagingDir, question))
  // A client that is still sending would see a reset and not the answer.
  if (!carriesJson(call)) await drain(bytes)
  seen.status = reply.status
  const spoilt = isUpload(call.name) ? undefined : bodyFault(fault)
  const link = seen.kind === 'blob' ? room.down : undefined
  await send(exchange, reply, { link, fault: spoilt, count: down(seen) })
}

function route(stagingDir: StagingOptions, question: Question): Reply | Promise<Reply> {
  const { name } = question.call
  if (carriesJson(question.call) && question.json === undefined) return failure(name, 400, 'the body is not JSON')
  if (goesToBlobStore(name)) return answerBlob(stagingDir, question)
  return /^[A-Z]/.test(name) ? answerRpc(stagingDir, question) : answerV1(stagingDir, question)
}

function carriesJson({ name }: Call): boolean {
  return !goesToBlobStore(name) && !isUpload(name) && name !== 'getCacheEntry' && name !== 'listCache'
}

function keysOf({ name }: Call, url: URL, body: unknown): string[] {
  if (name === 'getCacheEntry' || name === 'listCache') return keysInUrl(url)
  return body === undefined ? [] : keysInBody(body)
}

// The server of act gives no token and asks for none.
function grantOf({ act, secret }: StagingOptions, { headers }: IncomingMessage): Grant | undefined {
  return act ? { readable: ['act'], writable: 'act' } : readToken(secret, headers.authorization)
}

function bodyFault(fault: Answer | undefined): BodyFault | undefined {
  if (fault === 'cut' || fault === 'truncate') return fault
  return typeof fault === 'object' && ('stall' in fault || 'flip' in fault) ? fault : undefined
}

async function* counted(bytes: AsyncIterable<Buffer>, seen: Noting): AsyncGenerator<Buffer> {
  for await (const piece of bytes) {
    seen.bytesUp += piece.length
    yield piece
  }
}

async function drain(bytes: AsyncGenerator<Buffer>): Promise<void> {
  let over = false
  while (!over) over = (await bytes.next()).done === true
}

async function readAll(incoming: IncomingMessage, seen: Noting): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of incoming as AsyncIterable<Buffer>) pieces.push(piece)
  const all = Buffer.concat(pieces)
  seen.bytesUp = all.length
  return all.toString()
}

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw)
  } catch {
    return undefined
  }
}
