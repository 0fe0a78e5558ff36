import type { CallName } from './cache-service-calls.js'
import type { Answer } from './cache-service-faults.js'

/** One request, as it came and as it went. */
export interface Seen {
  /** Undefined for something that the service does not have. */
  readonly call: CallName | undefined
  /** `blob` for whatever moves archives, v1's uploadChunk included; `service` for the cache service itself. */
  readonly kind: 'service' | 'blob'
  readonly method: string
  /** Without host and query. */
  readonly path: string
  /** The keys asked for, or the one of the entry. */
  readonly keys: readonly string[]
  /** The header that names a range, as it came. */
  readonly range: string | undefined
  /** When it came, in milliseconds of `performance.now()`. */
  readonly at: number
  /** How long it took; undefined while it is being answered. */
  readonly milliseconds: number | undefined
  /** `dropped` where the connection ended before an answer; undefined while it is being answered. */
  readonly status: number | 'dropped' | undefined
  readonly fault: Answer | undefined
  /** Of the bodies. */
  readonly bytesUp: number
  readonly bytesDown: number
}

export interface Counters {
  readonly service: number
  readonly blob: number
  /** Bytes of archives that came up, whether they were of use or not. */
  readonly bytesUp: number
  readonly bytesDown: number
  /** How often each call came; those that never came are missing. */
  readonly calls: Readonly<Partial<Record<CallName, number>>>
}

export type Noting = { -readonly [Name in keyof Seen]: Seen[Name] }

export function count(requests: readonly Seen[]): Counters {
  const blobs = requests.filter(({ kind }) => kind === 'blob')
  const calls: Partial<Record<CallName, number>> = {}
  for (const { call } of requests) if (call !== undefined) calls[call] = (calls[call] ?? 0) + 1
  return {
    service: requests.length - blobs.length,
    blob: blobs.length,
    bytesUp: blobs.reduce((sum, { bytesUp }) => sum + bytesUp, 0),
    bytesDown: blobs.reduce((sum, { bytesDown }) => sum + bytesDown, 0),
    calls,
  }
}
