import { blobPath } from './cache-service-calls.js'
import { failure, json, type Reply } from './cache-service-replies.js'
import { type StagingOptions, keysInUrl, type Question, textOf, wrongKeys } from './cache-service-requests.js'
import { type Entry, sizeOf } from './cache-service-store.js'
import { type Grant, signUrl } from './cache-service-tokens.js'
import { alreadyThere, noReadableScope, noWritableScope } from './cache-service-v2.js'

/** `_apis/artifactcache/`: what GitHub Enterprise Server, act, Gitea's and Forgejo's runners speak. */
export async function answerV1(stagingDir: StagingOptions, question: Question): Promise<Reply> {
  const { call, grant } = question
  if (!grant) return failure(call.name, 401, 'invalid token')
  if (call.name === 'getCacheEntry' || call.name === 'listCache') {
    if (grant.readable.length === 0) return failure(call.name, 403, noReadableScope)
    return call.name === 'listCache' ? list(stagingDir, question, grant) : find(stagingDir, question, grant)
  }
  if (grant.writable === undefined) return failure(call.name, 403, noWritableScope)
  if (call.name === 'reserveCache') return reserve(stagingDir, question, grant.writable)
  const entry = question.entry
  if (entry?.scope !== grant.writable) return failure(call.name, 404, 'no such cache')
  if (entry.createdAt !== undefined) return failure(call.name, 400, 'this cache is committed')
  return call.name === 'commitCache' ? commit(stagingDir, question, entry) : await upload(stagingDir, question, entry)
}

function find(stagingDir: StagingOptions, { call, url }: Question, grant: Grant): Reply {
  const keys = keysInUrl(url).map((key) => spelled(stagingDir, key))
  const wrong = wrongKeys(keys)
  if (wrong !== undefined) return failure(call.name, 400, wrong)
  const entry = stagingDir.store.find(grant.readable, keys, url.searchParams.get('version') ?? '')
  if (!entry) return { status: 204 }
  const archiveLocation = signUrl(stagingDir.secret, new URL(blobPath(entry.id), stagingDir.blobs), 'r')
  return json(200, { ...described(entry), archiveLocation })
}

/** All caches with keys that start like the one asked for, whatever their version; clients print them for diagnosis. */
function list(stagingDir: StagingOptions, { url }: Question, grant: Grant): Reply {
  const key = spelled(stagingDir, url.searchParams.get('key') ?? '')
  const entries = stagingDir.store
    .finished()
    .filter((entry) => entry.key.startsWith(key) && grant.readable.includes(entry.scope))
  return json(200, { totalCount: entries.length, artifactCaches: entries.map(described) })
}

function described({ scope, key, version, createdAt }: Entry): Readonly<Record<string, string>> {
  return {
    scope,
    cacheKey: key,
    cacheVersion: version,
    creationTime: new Date(createdAt ?? 0).toISOString(),
  }
}

function reserve(stagingDir: StagingOptions, { call, json: body }: Question, scope: string): Reply {
  const [key, version] = [spelled(stagingDir, textOf(body, 'key')), textOf(body, 'version')]
  const wrong = wrongKeys([key])
  if (wrong !== undefined) return failure(call.name, 400, wrong)
  // act takes a second cache of the same key beside the first.
  if (!stagingDir.act && stagingDir.store.taken(scope, key, version)) return alreadyThere(call.name)
  return json(201, { cacheId: stagingDir.store.reserve(scope, key, version).id })
}

async function upload(stagingDir: StagingOptions, { call, headers, bytes }: Question, entry: Entry): Promise<Reply> {
  const range = /^bytes (\d+)-(\d+)\//.exec(headers['content-range'] ?? '')
  if (!range) return failure(call.name, 400, 'Content-Range is missing')
  const [from, to] = [Number(range[1]), Number(range[2])]
  const size = await stagingDir.store.addPiece(entry, String(from), bytes)
  if (size === to - from + 1) return { status: 204 }
  entry.pieces.delete(String(from))
  return failure(call.name, 400, `${size} bytes came for a range of ${to - from + 1}`)
}

function commit(stagingDir: StagingOptions, { call, json: body }: Question, entry: Entry): Reply {
  const pieces = [...entry.pieces].sort(([a], [b]) => Number(a) - Number(b))
  const sizes = pieces.map(([, { size }]) => size)
  const gap = pieces.find(([offset], index) => Number(offset) !== sum(sizes.slice(0, index)))
  if (gap) return failure(call.name, 400, `the piece at ${gap[0]} does not follow on the one before it`)
  const blob = pieces.map(([, piece]) => piece)
  const announced = Number(textOf(body, 'size'))
  if (sizeOf(blob) !== announced) return failure(call.name, 400, `${sizeOf(blob)} bytes came, not ${announced}`)
  entry.blob = blob
  stagingDir.store.finish(entry)
  return { status: 204 }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => one + other, 0)
}

function spelled({ act }: StagingOptions, key: string): string {
  return act ? key.toLowerCase() : key
}
