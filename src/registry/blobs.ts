import type { Reference } from '../metadata/reference.js'
import { ask, type ClientContext, reading, refused } from './request.js'
import { checkedDigest, isDigest, MANIFEST_LIMIT } from './manifest.js'

/**
 * Whether a repository has a blob. If the registry redirects to a storage whose signed URLs allow only GET, the first byte
 * is read.
 */
export async function findBlob(
  client: ClientContext,
  reference: Reference,
  digest: string,
  access = reading(reference),
): Promise<boolean> {
  if (!isDigest(digest)) throw new Error(`${JSON.stringify(digest)} is not a digest`)
  const path = `/v2/${reference.repository}/blobs/${digest}`
  const head = await ask(client, access, { method: 'HEAD', path })
  if (head.status === 200) return true
  if (head.status === 404) return false
  const first = await ask(client, access, { method: 'GET', path, headers: { range: 'bytes=0-0' } })
  if (first.status === 200 || first.status === 206) return true
  if (first.status === 404) return false
  throw await refused(client, access, first, 'read')
}

/** The bytes of a blob. */
export async function readBlob(
  client: ClientContext,
  reference: Reference,
  digest: string,
  limit = MANIFEST_LIMIT,
): Promise<Buffer> {
  if (!isDigest(digest)) throw new Error(`${JSON.stringify(digest)} is not a digest`)
  const access = reading(reference)
  const response = await ask(client, access, {
    method: 'GET',
    path: `/v2/${reference.repository}/blobs/${digest}`,
    limit,
  })
  if (response.status !== 200) throw await refused(client, access, response, 'read')
  checkedDigest(response.body, digest, reference)
  return response.body
}
