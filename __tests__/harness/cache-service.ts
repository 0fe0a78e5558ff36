import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { type Fault, FaultScript, type ScriptedFault } from './cache-service-faults.js'
import { count, type Counters, type Seen } from './cache-service-log.js'
import { type Room, serve } from './cache-service-server.js'
import { bytesOf, CacheStore, sizeOf } from './cache-service-store.js'
import { issueToken } from './cache-service-tokens.js'
import { Link } from './cache-service-transfer.js'
import { close, listen } from './loopback.js'

export type { Answer, Fault, ScriptedFault } from './cache-service-faults.js'
export type { Counters, Seen } from './cache-service-log.js'

export interface CacheServiceOptions {
  /**
   * As act's server: v1 alone, no tokens and no scopes, keys in lower case, a second entry of one key stands beside the
   * first, and of two entries of one second the older is found.
   */
  readonly act?: boolean
  /**
   * Signed URLs lead to a host of Azure's, so that @actions/cache downloads by ranges, as it does on github.com. The
   * environment then names the service as `http_proxy`, which is how the requests come here all the same.
   */
  readonly azure?: boolean
  /** How long a finished entry stays unseen by lookups, in ms; default 0. */
  readonly lookupDelay?: number
  /** Added to every request, in ms; default 0. */
  readonly latency?: number
  /** Bytes per second that all transfers of archives share, up and down each; default, as fast as it goes. */
  readonly bandwidth?: number
  readonly faults?: readonly Fault[]
}

/** Whose job asks: that decides about the environment and the token. */
export interface Job {
  /** Default `v2`; with `act`, v1. */
  readonly protocol?: 'v1' | 'v2'
  /** The scope that it reads first and alone may write. Default `refs/heads/main`. */
  readonly ref?: string
  /** What it reads after that, in this order: a pull request's base, the default branch. Default `refs/heads/main`. */
  readonly fallbacks?: readonly string[]
  /** What its token allows. Default `write`. */
  readonly access?: 'write' | 'read' | 'none'
}

export interface FinishedEntry {
  readonly key: string
  readonly version: string
  readonly scope: string
  readonly size: number
  readonly createdAt: Date
}

export interface CacheService {
  /** `http://127.0.0.1:PORT/` */
  readonly url: string
  /** What GitHub's runner (act, with `act`) puts into the environment of a Node action for the cache's sake. */
  environment(job?: Job): Record<string, string>
  /** Every request, in the order in which they came. */
  readonly requests: readonly Seen[]
  counters(): Counters
  /** Empties the log, and with it the counters. */
  forget(): void
  /** What lookups can find, oldest first. */
  entries(): FinishedEntry[]
  /** Keys that were reserved and never finished. */
  unfinished(): string[]
  /** The archive under this very key, of the newest entry if there are several. Unknown keys are an error, as below. */
  blob(key: string): Buffer
  /** Puts other bytes under this key, behind everyone's back. */
  replace(key: string, bytes: Uint8Array): void
  remove(key: string): void
  script(fault: Fault): ScriptedFault
  /** Ends the service and removes its files. An error of the service itself comes out here. */
  stop(): Promise<void>
}

const azureHost = 'http://cachestore.blob.core.windows.net/'

/** Starts a cache service on a free port of the loopback interface, with a temporary folder for the archives. */
export async function startCacheService(options: CacheServiceOptions = {}): Promise<CacheService> {
  const folder = mkdtempSync(join(tmpdir(), 'rib-cache-service-'))
  const server = createServer()
  const url = `http://${await listen(server)}/`
  const room = furnish(folder, url, options)
  server.on('request', (incoming, outgoing) => void serve(room, incoming, outgoing))
  if (options.azure === true) actAsProxy(server)
  // A client that keeps its connections should never be told that one has just ended.
  server.keepAliveTimeout = 120_000
  server.requestTimeout = 0
  return {
    url,
    environment: (job = {}) => environment(room, url, options, job),
    requests: room.log,
    counters: () => count(room.log),
    forget: () => {
      room.log.length = 0
    },
    ...insight(room.stagingDir.store),
    script: (fault) => room.faults.add(fault),
    stop: async () => {
      await close(server)
      rmSync(folder, { recursive: true, force: true })
      if (room.problems.length > 0) throw new AggregateError(room.problems, 'The cache service itself failed')
    },
  }
}

function furnish(folder: string, url: string, options: CacheServiceOptions): Room {
  const { act = false, azure = false, lookupDelay = 0, latency = 0, bandwidth = Infinity } = options
  const faults = new FaultScript()
  for (const fault of options.faults ?? []) faults.add(fault)
  const store = new CacheStore(folder, { lookupDelay, wholeSeconds: act })
  return {
    stagingDir: { store, secret: randomUUID(), blobs: azure ? azureHost : url, act },
    faults,
    log: [],
    up: new Link(bandwidth),
    down: new Link(bandwidth),
    latency,
    problems: [],
  }
}

/** Takes tunnels, whatever their destination, for connections to the service. */
function actAsProxy(server: Server): void {
  server.on('connect', (_, socket) => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
    server.emit('connection', socket)
  })
}

function environment(
  { stagingDir }: Room,
  url: string,
  options: CacheServiceOptions,
  job: Job,
): Record<string, string> {
  if (stagingDir.act) return { ACTIONS_CACHE_URL: `${url}${stagingDir.secret}/` }
  const { protocol = 'v2', ref = 'refs/heads/main', fallbacks = ['refs/heads/main'], access = 'write' } = job
  const readable = access === 'none' ? [] : [...new Set([ref, ...fallbacks])]
  const token = issueToken(stagingDir.secret, { readable, writable: access === 'write' ? ref : undefined })
  return {
    ACTIONS_RUNTIME_URL: url,
    ACTIONS_RUNTIME_TOKEN: token,
    ACTIONS_CACHE_URL: url,
    ...(protocol === 'v2' && { ACTIONS_RESULTS_URL: url, ACTIONS_CACHE_SERVICE_V2: 'True' }),
    ...(options.azure === true && { http_proxy: url, no_proxy: '127.0.0.1,localhost' }),
  }
}

function insight(store: CacheStore): Pick<CacheService, 'entries' | 'unfinished' | 'blob' | 'replace' | 'remove'> {
  const newest = (key: string): ReturnType<CacheStore['finished']>[number] => {
    const entry = store.finished().findLast((one) => one.key === key)
    if (!entry) throw new Error(`The cache service has no "${key}", only ${keysOf(store)}`)
    return entry
  }
  return {
    entries: () =>
      store.finished().map(({ key, version, scope, blob, createdAt }) => {
        return { key, version, scope, size: sizeOf(blob), createdAt: new Date(createdAt) }
      }),
    unfinished: () => store.unfinished().map(({ key }) => key),
    blob: (key) => bytesOf(newest(key).blob),
    replace: (key, bytes) => {
      store.replace(newest(key), bytes)
    },
    remove: (key) => {
      store.remove(newest(key))
    },
  }
}

function keysOf(store: CacheStore): string {
  return JSON.stringify(store.finished().map(({ key }) => key))
}
