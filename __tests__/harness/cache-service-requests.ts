import type { IncomingHttpHeaders } from 'node:http'

import type { Call } from './cache-service-calls.js'
import type { CacheStore, Entry } from './cache-service-store.js'
import type { Grant } from './cache-service-tokens.js'

/** What every answer needs to know of the service. */
export interface StagingOptions {
  readonly store: CacheStore
  /** Signs tokens and URLs. */
  readonly secret: string
  /** Where the URLs of blobs lead. */
  readonly blobs: string
  readonly act: boolean
}

/** A request that was recognised. */
export interface Question {
  readonly call: Call
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  /** Undefined for a token that is not ours, and for the blob store, which asks for none. */
  readonly grant: Grant | undefined
  /** The JSON that came, for calls that carry JSON. */
  readonly json: unknown
  /** The body, for those that carry something else. */
  readonly bytes: AsyncIterable<Buffer>
  /** The entry that the path names, if it is there. */
  readonly entry: Entry | undefined
}

/** The keys of a v2 lookup, or the one key of another call. */
export function keysInBody(body: unknown): string[] {
  const more = isRecord(body) && Array.isArray(body['restore_keys']) ? body['restore_keys'].map(String) : []
  return [textOf(body, 'key'), ...more]
}

/** The keys of a v1 lookup. */
export function keysInUrl(url: URL): string[] {
  const keys = url.searchParams.get('keys') ?? url.searchParams.get('key') ?? ''
  return keys.split(',').map((key) => key.trim())
}

/** What is wrong with the keys of a request, by GitHub's rules. */
export function wrongKeys(keys: readonly string[]): string | undefined {
  if (keys.length > 10) return `${keys.length} keys; at most 10 are allowed`
  return keys.map(wrongKey).find((reason) => reason !== undefined)
}

function wrongKey(key: string): string | undefined {
  if (key === '') return 'a key is empty'
  if (key.length > 512) return `a key has ${key.length} characters; at most 512 are allowed`
  return key.includes(',') ? 'a key has a comma' : undefined
}

/** A text of a request, numbers as they are written; '' where there is none. */
export function textOf(body: unknown, name: string): string {
  const value = isRecord(body) ? body[name] : undefined
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
