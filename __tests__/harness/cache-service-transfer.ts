import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import type { BodyFault } from './cache-service-faults.js'
import type { Reply } from './cache-service-replies.js'

/** A request and its answer. The socket is held beside them, since a message may let go of it. */
export interface Exchange {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly socket: Socket
}

/** Ends a connection on purpose; whoever serves it has nothing more to say. */
export class Dropped extends Error {}

const codesOfLostClients = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']

/** Whether an error only says that the connection is over. */
export function isEnd(error: unknown): boolean {
  if (error instanceof Dropped) return true
  // Not instanceof Error: under jest, Node's own errors are of another realm.
  return (
    typeof error === 'object' && error !== null && 'code' in error && codesOfLostClients.includes(String(error.code))
  )
}

// How far behind a timer may come and still be caught up with, in ms.
const slack = 20

/** One direction of the line to the blob store: all connections share its bytes per second. */
export class Link {
  readonly #bytesPerSecond: number
  #freeAt = 0

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Comes back when so many bytes have gone over. */
  async carry(bytes: number): Promise<void> {
    const now = performance.now()
    this.#freeAt = Math.max(this.#freeAt, now - slack) + (bytes / this.#bytesPerSecond) * 1000
    const wait = this.#freeAt - now
    if (wait >= 1) await sleep(wait)
  }
}

/**
 * The body of a request as it comes over the link. `cut` drops the connection after the first half, a stall stops
 * reading there and drops it later. Without a known length the first piece counts as the half.
 */
export async function* receive(
  { incoming, socket }: Exchange,
  link: Link,
  fault: BodyFault | undefined,
): AsyncGenerator<Buffer> {
  const half = fault === 'cut' || isStall(fault) ? Math.ceil((bodyLength(incoming) ?? 2) / 2) : Infinity
  let come = 0
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    await link.carry(piece.length)
    come += piece.length
    yield piece
    if (come < half) continue
    if (isStall(fault)) await untilOver(socket, fault.stall)
    throw new Dropped(`Dropped after ${come} bytes`)
  }
}

/** v1's pieces come in chunks of no announced length, but with their range. */
function bodyLength({ headers }: IncomingMessage): number | undefined {
  const range = /^bytes (\d+)-(\d+)\//.exec(headers['content-range'] ?? '')
  if (range) return Number(range[2]) - Number(range[1]) + 1
  const length = Number(headers['content-length'])
  return length > 0 ? length : undefined
}

function isStall(fault: BodyFault | undefined): fault is { readonly stall: number } {
  return typeof fault === 'object' && 'stall' in fault
}

/** Waits so many ms, but not longer than the other side does. */
export async function untilOver(socket: Socket, milliseconds: number): Promise<void> {
  const gone = new AbortController()
  const abort = (): void => {
    gone.abort()
  }
  socket.once('close', abort)
  await sleep(milliseconds, undefined, { signal: gone.signal }).catch(() => undefined)
  socket.off('close', abort)
}

/** How an answer goes over. */
export interface Passage {
  /** Undefined for what does not share the line to the blob store. */
  readonly link: Link | undefined
  readonly fault: BodyFault | undefined
  /** Is told of the bytes of the body as they go. */
  readonly count: (bytes: number) => void
}

/** Sends an answer, damaged as the fault says. */
export async function send({ incoming, outgoing, socket }: Exchange, reply: Reply, passage: Passage): Promise<void> {
  const { fault } = passage
  const size = reply.body?.size ?? 0
  const halved = fault === 'cut' || fault === 'truncate' || isStall(fault)
  const length = halved ? Math.floor(size / 2) : size
  outgoing.writeHead(reply.status, { 'content-length': fault === 'truncate' ? length : size, ...reply.headers })
  const { body } = reply
  if (body && incoming.method !== 'HEAD') {
    const flipAt = typeof fault === 'object' && 'flip' in fault ? fault.flip - body.offset : -1
    const pieces = Readable.from(outward(body.read(length), passage, flipAt), { objectMode: false })
    await pipeline(pieces, outgoing, { end: false })
  }
  if (isStall(fault)) await untilOver(socket, fault.stall)
  // Not destroy(): what was written has to arrive.
  if (halved && fault !== 'truncate') socket.destroySoon()
  else outgoing.end()
}

async function* outward(
  pieces: Iterable<Buffer> | AsyncIterable<Buffer>,
  { link, count }: Passage,
  flipAt: number,
): AsyncGenerator<Buffer> {
  let offset = 0
  for await (const piece of pieces) {
    await link?.carry(piece.length)
    count(piece.length)
    yield flipAt >= offset && flipAt < offset + piece.length ? withFlippedByte(piece, flipAt - offset) : piece
    offset += piece.length
  }
}

function withFlippedByte(piece: Buffer, at: number): Buffer {
  const copy = Buffer.from(piece)
  copy.writeUInt8(copy.readUInt8(at) ^ 0xff, at)
  return copy
}
