import { RegistryError } from '../errors.js'
import type { Reference } from '../image/reference.js'
import type { Answer } from './connection.js'
import { checkedDigest, isDigest } from './content.js'
import { ask, type Desk, reading, refused, scopeOf, writing } from './questions.js'

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

export async function mount(desk: Desk, into: Reference, digest: string, from: Reference): Promise<boolean> {
  if (into.registry !== from.registry) throw new Error('a blob is mounted within one registry')
  if (!isDigest(digest)) throw new Error(`${JSON.stringify(digest)} is no digest`)
  const access = writing(into, from)
  const blobs = `/v2/${into.repository}/blobs`
  const there = await ask(desk, access, { method: 'HEAD', path: `${blobs}/${digest}` })
  if (there.status === 200) return true
  if (there.status !== 404) throw await refused(desk, access, there, 'read')
  const query = new URLSearchParams({ mount: digest, from: from.repository }).toString()
  const answer = await ask(desk, access, { method: 'POST', path: `${blobs}/uploads/?${query}` })
  if (answer.status === 201) return true
  if (answer.status !== 202) throw await refused(desk, access, answer, 'write to')
  await cancel(desk, into, answer)
  return false
}

/** Ends an upload that a registry began in place of a mount. One that stays is the registry's to clean up. */
async function cancel(desk: Desk, into: Reference, { headers: { location }, url }: Answer): Promise<void> {
  if (location === undefined || !URL.canParse(location, url.href)) return
  const { host, pathname, search } = new URL(location, url)
  // Behind a proxy a registry may name itself by another scheme; but no other host gets the login.
  if (host !== url.host) return
  const access = { ...writing(into), scopes: [scopeOf(into, 'pull,push,delete')] }
  await ask(desk, access, { method: 'DELETE', path: `${pathname}${search}` }).catch((error: unknown) => {
    if (!(error instanceof RegistryError)) throw error
  })
}
