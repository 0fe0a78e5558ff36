/**
 * What a client can ask of the service. v2's RPCs have their own names, the blob store's calls those of Azure's
 * reference, and v1's, which have none, those that @actions/cache writes into its log.
 */
export type CallName =
  | 'CreateCacheEntry'
  | 'FinalizeCacheEntryUpload'
  | 'GetCacheEntryDownloadURL'
  | 'PutBlob'
  | 'PutBlock'
  | 'PutBlockList'
  | 'GetBlob'
  | 'HeadBlob'
  | 'getCacheEntry'
  | 'listCache'
  | 'reserveCache'
  | 'uploadChunk'
  | 'commitCache'

export interface Call {
  readonly name: CallName
  /** The entry that the path names, where it names one. */
  readonly id?: number
}

const rpc = /^\/twirp\/github\.actions\.results\.api\.v1\.CacheService\/(\w+)$/
const blob = /^\/archives\/cache\/(\d+)$/
// act puts a random segment in front, GitHub Enterprise Server a whole path.
const v1 = /\/_apis\/artifactcache\/(cache|caches|caches\/(\d+))$/

/** The path of an entry's blob. Two folders deep, since Azure's client takes the first for an account or a container. */
export function blobPath(id: number): string {
  return `/archives/cache/${id}`
}

/** Which call this is; undefined where the service has no such thing. */
export function recognise(method: string, url: URL): Call | undefined {
  const procedure = rpc.exec(url.pathname)?.[1]
  if (procedure !== undefined) return method === 'POST' ? rpcCall(procedure) : undefined
  const id = blob.exec(url.pathname)?.[1]
  if (id !== undefined) return blobCall(method, url.searchParams.get('comp'), Number(id))
  const resource = v1.exec(url.pathname)
  return resource === null ? undefined : v1Call(method, resource)
}

function rpcCall(procedure: string): Call | undefined {
  switch (procedure) {
    case 'CreateCacheEntry':
    case 'FinalizeCacheEntryUpload':
    case 'GetCacheEntryDownloadURL':
      return { name: procedure }
    default:
      return undefined
  }
}

function blobCall(method: string, part: string | null, id: number): Call | undefined {
  if (method === 'GET') return { name: 'GetBlob', id }
  if (method === 'HEAD') return { name: 'HeadBlob', id }
  if (method !== 'PUT') return undefined
  if (part === 'block') return { name: 'PutBlock', id }
  return { name: part === 'blocklist' ? 'PutBlockList' : 'PutBlob', id }
}

function v1Call(method: string, [, resource, number]: RegExpExecArray): Call | undefined {
  const id = Number(number)
  switch (`${method} ${number === undefined ? (resource ?? '') : 'one'}`) {
    case 'GET cache':
      return { name: 'getCacheEntry' }
    case 'GET caches':
      return { name: 'listCache' }
    case 'POST caches':
      return { name: 'reserveCache' }
    case 'PATCH one':
      return { name: 'uploadChunk', id }
    case 'POST one':
      return { name: 'commitCache', id }
    default:
      return undefined
  }
}

const blobCalls: readonly CallName[] = ['PutBlob', 'PutBlock', 'PutBlockList', 'GetBlob', 'HeadBlob']

/** Whether the blob store behind the service is asked, by a signed URL. */
export function goesToBlobStore(name: CallName): boolean {
  return blobCalls.includes(name)
}

/** Whether the call carries a piece of an archive up. v1 has them sent to the service itself. */
export function isUpload(name: CallName): boolean {
  return name === 'PutBlob' || name === 'PutBlock' || name === 'uploadChunk'
}
