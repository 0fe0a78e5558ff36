import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { Link } from './cache-service-transfer.js'
import { close, listen } from './loopback.js'

/** What lies between a machine and a registry. */
export interface Distance {
  /** What each request waits, ms. */
  readonly latency: number
  /** Bytes per second in each direction, which all connections share. */
  readonly bandwidth: number
  /** Requests for these paths go that way, and are counted; all others pass at once. */
  readonly far: RegExp
}

export interface Traffic {
  /** Bytes of bodies to the registry. */
  readonly up: number
  readonly down: number
  readonly requests: number
}

export interface DelayingProxy {
  readonly host: string
  /** What has gone the far way, for paths that fit, since the last call for the same ones. */
  takeTraffic(paths: RegExp): Traffic
  stop(): Promise<void>
}

interface Passage {
  readonly path: string
  up: number
  down: number
}

/** A reverse proxy on loopback that puts a registry at a distance. */
export async function startDelayingProxy(registryHost: string, distance: Distance): Promise<DelayingProxy> {
  const [upwards, downwards] = [new Link(distance.bandwidth), new Link(distance.bandwidth)]
  const passages: Passage[] = []
  const read = new Map<string, number>()

  const passOn = async (incoming: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const { url: path = '/', method, headers } = incoming
    const isFar = distance.far.test(path)
    const passage = { path, up: 0, down: 0 }
    if (isFar) {
      passages.push(passage)
      await sleep(distance.latency)
    }
    const carry = (link: Link, way: 'up' | 'down') =>
      async function* (pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const piece of pieces) {
          if (isFar) await link.carry(piece.length)
          passage[way] += piece.length
          yield piece
        }
      }
    // The Host header is passed on as it came, so that the registry's Location headers lead back here.
    const outgoing = request(`http://${registryHost}${path}`, { method, headers })
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve).on('error', reject)
    })
    // An answer may come before the end of the body.
    pipeline(incoming, carry(upwards, 'up'), outgoing).catch(() => outgoing.destroy())
    const response = await answered
    answer.writeHead(response.statusCode ?? 502, response.headers)
    await pipeline(response, carry(downwards, 'down'), answer)
  }

  const server = createServer((incoming, answer) => {
    passOn(incoming, answer).catch(() => answer.destroy())
  })
  return {
    host: await listen(server),
    takeTraffic(paths) {
      const fresh = passages.slice(read.get(paths.source) ?? 0).filter(({ path }) => paths.test(path))
      read.set(paths.source, passages.length)
      const sum = (way: 'up' | 'down') => fresh.reduce((total, passage) => total + passage[way], 0)
      return { up: sum('up'), down: sum('down'), requests: fresh.length }
    },
    stop: () => close(server),
  }
}
