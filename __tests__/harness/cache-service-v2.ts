import { blobPath, type CallName } from './cache-service-calls.js'
import { failure, json, type Reply } from './cache-service-replies.js'
import { type Desk, keysInBody, type Question, textOf, wrongKeys } from './cache-service-requests.js'
import { sizeOf } from './cache-service-store.js'
import { signUrl } from './cache-service-tokens.js'

/** `github.actions.results.api.v1.CacheService`: twirp with JSON, fields named as in the protocol buffers. */
export function answerRpc(desk: Desk, question: Question): Reply {
  const { call, grant } = question
  if (!grant) return failure(call.name, 401, 'invalid token')
  if (call.name === 'GetCacheEntryDownloadURL') return find(desk, question, grant.readable)
  // A refusal to write comes as a success that says no.
  if (grant.writable === undefined) return json(200, { ok: false, message: noWritableScope })
  return call.name === 'CreateCacheEntry'
    ? create(desk, question, grant.writable)
    : finalize(desk, question, grant.writable)
}

export const noWritableScope = 'cache write denied: token has no writable scopes'
export const noReadableScope = 'cache read denied: token has no readable scopes'

function find(desk: Desk, { call, json: body }: Question, scopes: readonly string[]): Reply {
  if (scopes.length === 0) return failure(call.name, 403, noReadableScope)
  const keys = keysInBody(body)
  const wrong = wrongKeys(keys)
  if (wrong !== undefined) return failure(call.name, 400, wrong)
  const entry = desk.store.find(scopes, keys, textOf(body, 'version'))
  if (!entry) return json(200, { ok: false })
  const url = signUrl(desk.secret, new URL(blobPath(entry.id), desk.blobs), 'r')
  return json(200, { ok: true, signed_download_url: url, matched_key: entry.key })
}

function create(desk: Desk, { call, json: body }: Question, scope: string): Reply {
  const [key, version] = [textOf(body, 'key'), textOf(body, 'version')]
  const wrong = wrongKeys([key])
  if (wrong !== undefined) return failure(call.name, 400, wrong)
  if (desk.store.taken(scope, key, version)) return alreadyThere(call.name)
  const entry = desk.store.reserve(scope, key, version)
  return json(200, { ok: true, signed_upload_url: signUrl(desk.secret, new URL(blobPath(entry.id), desk.blobs), 'w') })
}

export function alreadyThere(call: CallName): Reply {
  return failure(call, 409, 'cache entry with the same key, version, and scope already exists')
}

function finalize(desk: Desk, { call, json: body }: Question, scope: string): Reply {
  const entry = desk.store.taken(scope, textOf(body, 'key'), textOf(body, 'version'))
  if (entry?.blob === undefined) return failure(call.name, 404, 'cache entry or its blob not found')
  const [size, announced] = [sizeOf(entry.blob), Number(textOf(body, 'size_bytes'))]
  if (size !== announced) return json(200, { ok: false, message: `blob has ${size} bytes, not ${announced}` })
  desk.store.finish(entry)
  return json(200, { ok: true, entry_id: String(entry.id) })
}
