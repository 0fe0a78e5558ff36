import type { Reference } from '../image/reference.js'
import { ask, type Desk, reading, refused } from './asking.js'
import { checkedDigest, isDigest } from './content.js'

/**
 * Whether a blob is there. Where a registry leads to a storage that only lets read what it was asked for, its first byte
 * is read.
 */
export async function findBlob(desk: Desk, reference: Reference, digest: string): Promise<boolean> {
  if (!isDigest(digest)) throw new Error(`${JSON.stringify(digest)} is no digest`)
  const access = reading(reference)
  const path = `/v2/${reference.repository}/blobs/${digest}`
  const head = await ask(desk, access, { method: 'HEAD', path })
  if (head.status === 200) return true
  if (head.status === 404) return false
  const first = await ask(desk, access, { method: 'GET', path, headers: { range: 'bytes=0-0' } })
  if (first.status === 200 || first.status === 206) return true
  if (first.status === 404) return false
  throw await refused(desk, access, first, 'read')
}

/** The bytes of a blob. */
export async function readBlob(desk: Desk, reference: Reference, digest: string): Promise<Buffer> {
  if (!isDigest(digest)) throw new Error(`${JSON.stringify(digest)} is no digest`)
  const access = reading(reference)
  const answer = await ask(desk, access, { method: 'GET', path: `/v2/${reference.repository}/blobs/${digest}` })
  if (answer.status !== 200) throw await refused(desk, access, answer, 'read')
  checkedDigest(answer.body, digest, reference)
  return answer.body
}
