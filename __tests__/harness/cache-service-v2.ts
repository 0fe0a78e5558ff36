import { blobPath, type CallName } from './cache-service-calls.js'
import { failure, json, type Reply } from './cache-service-replies.js'
import { type StagingOptions, keysInBody, type Question, textOf, wrongKeys } from './cache-service-requests.js'
import { sizeOf } from './cache-service-store.js'
import { signUrl } from './cache-service-tokens.js'

/** `github.actions.results.api.v1.CacheService`: twirp with JSON, fields named as in the protocol buffers. */
export function answerRpc(stagingDir: StagingOptions, question: Question): Reply {
  const { call, grant } = question
  if (!grant) return failure(call.name, 401, 'invalid token')
  if (call.name === 'GetCacheEntryDownloadURL') return find(stagingDir, question, grant.readable)
  // A refusal to write comes as a success that says no.
  if (grant.writable === undefined) return json(200, { ok: false, message: noWritableScope })
  return call.name === 'CreateCacheEntry'
    ? create(stagingDir, question, grant.writable)
    : finalize(stagingDir, question, grant.writable)
}

export const noWritableScope = 'cache write denied: token has no writable scopes'
export const noReadableScope = 'cache read denied: token has no readable scopes'

function find(stagingDir: StagingOptions, { call, json: body }: Question, scopes: readonly string[]): Reply {
  if (scopes.length === 0) return failure(call.name, 403, noReadableScope)
  const keys = keysInBody(body)
  const wrong = wrongKeys(keys)
  if (wrong !== undefined) return failure(call.name, 400, wrong)
  const entry = stagingDir.store.find(scopes, keys, textOf(body, 'version'))
  if (!entry) return json(200, { ok: false })
  const url = signUrl(stagingDir.secret, new URL(blobPath(entry.id), stagingDir.blobs), 'r')
  return json(200, { ok: true, signed_download_url: url, matched_key: entry.key })
}

function create(stagingDir: StagingOptions, { call, json: body }: Question, scope: string): Reply {
  const [key, version] = [textOf(body, 'key'), textOf(body, 'version')]
  const wrong = wrongKeys([key])
  if (wrong !== undefined) return failure(call.name, 400, wrong)
  if (stagingDir.store.taken(scope, key, version)) return alreadyThere(call.name)
  const entry = stagingDir.store.reserve(scope, key, version)
  return json(200, {
    ok: true,
    signed_upload_url: signUrl(stagingDir.secret, new URL(blobPath(entry.id), stagingDir.blobs), 'w'),
  })
}

export function alreadyThere(call: CallName): Reply {
  return failure(call, 409, 'cache entry with the same key, version, and scope already exists')
}

function finalize(stagingDir: StagingOptions, { call, json: body }: Question, scope: string): Reply {
  const entry = stagingDir.store.taken(scope, textOf(body, 'key'), textOf(body, 'version'))
  if (entry?.blob === undefined) return failure(call.name, 404, 'cache entry or its blob not found')
  const [size, announced] = [sizeOf(entry.blob), Number(textOf(body, 'size_bytes'))]
  if (size !== announced) return json(200, { ok: false, message: `blob has ${size} bytes, not ${announced}` })
  stagingDir.store.finish(entry)
  return json(200, { ok: true, entry_id: String(entry.id) })
}
