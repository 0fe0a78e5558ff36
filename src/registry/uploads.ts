import { RegistryError } from '../errors.js'
import type { Reference } from '../metadata/reference.js'
import { ask, type ClientContext, refused, scopeOf, writing } from './request.js'
import { chooseChallenge } from './www-authenticate.js'
import type { Response } from './http.js'
import { type Blob, digestLike, isDigest, MANIFEST_LIMIT } from './manifest.js'
import { isPage, outOfReach, unexpected } from './errors.js'

/** What a registry answers to the start of an upload. */
export interface Trial {
  /** It asks for a login for uploads, but not at `/v2/`, where some clients look. */
  readonly asksLate: boolean
}

/**
 * Starts an upload, and cancels it before any byte is sent.
 * @throws RegistryError when it is refused
 */
export async function tryPush(client: ClientContext, { registry, repository }: Reference): Promise<Trial> {
  const access = writing({ registry, repository })
  const path = `/v2/${repository}/blobs/uploads/`
  const ping = await greet(client, registry)
  const asked: (string | undefined)[] = []
  const response = await ask(client, access, { method: 'POST', path }, (authorization) => asked.push(authorization))
  const { status } = response
  if (isPage(response)) throw unexpected(response, registry)
  if (status === 401 || status === 403) throw await refused(client, access, response, 'write to')
  if (status === 202) await cancel(client, { registry, repository }, response)
  return { asksLate: asked.length > 1 && chooseChallenge(ping.challenges) === undefined }
}

/** Asks `/v2/` without a login, as clients do to learn which login a registry wants. */
async function greet({ connection }: ClientContext, registry: string): Promise<Response> {
  try {
    const url = new URL('/v2/', await connection.originOf(registry))
    return await connection.roundTrip({ method: 'GET', url, limit: MANIFEST_LIMIT })
  } catch (error) {
    throw outOfReach(error, registry)
  }
}

/**
 * Makes a blob of another repository of the same registry one of this repository.
 * @returns whether it is there now
 */
export async function mount(client: ClientContext, into: Reference, digest: string, from: Reference): Promise<boolean> {
  if (into.registry !== from.registry) throw new Error('a blob can only be mounted within one registry')
  if (!isDigest(digest)) throw new Error(`${JSON.stringify(digest)} is not a digest`)
  const access = writing(into, from)
  const blobs = `/v2/${into.repository}/blobs`
  const there = await ask(client, access, { method: 'HEAD', path: `${blobs}/${digest}` })
  if (there.status === 200) return true
  if (there.status !== 404) throw await refused(client, access, there, 'read')
  const query = new URLSearchParams({ mount: digest, from: from.repository }).toString()
  const response = await ask(client, access, { method: 'POST', path: `${blobs}/uploads/?${query}` })
  if (response.status === 201) return true
  if (response.status !== 202) throw await refused(client, access, response, 'write to')
  await cancel(client, into, response)
  return false
}

/** Uploads a small blob, unless the repository has it. */
export async function upload(client: ClientContext, into: Reference, { digest, bytes }: Blob): Promise<void> {
  if (digestLike(bytes, digest) !== digest) throw new Error(`the bytes of the blob don't match ${digest}`)
  const access = writing(into)
  const blobs = `/v2/${into.repository}/blobs`
  const there = await ask(client, access, { method: 'HEAD', path: `${blobs}/${digest}` })
  if (there.status === 200) return
  if (there.status !== 404) throw await refused(client, access, there, 'read')
  const path = await beginUpload(client, into, digest)
  const headers = { 'content-type': 'application/octet-stream' }
  const response = await ask(client, access, { method: 'PUT', path, headers, body: bytes })
  if (response.status < 200 || response.status > 299) throw await refused(client, access, response, 'write to')
}

/** Begins an upload. @returns where a PUT of all bytes ends it, below the address of the registry */
export async function beginUpload(
  client: ClientContext,
  into: Reference,
  digest: string,
  signal?: AbortSignal,
): Promise<string> {
  const access = writing(into)
  const path = `/v2/${into.repository}/blobs/uploads/`
  const begun = await ask(client, access, { method: 'POST', path, ...(signal && { signal }) })
  if (begun.status !== 202) throw await refused(client, access, begun, 'write to')
  const place = placeOf(begun)
  if (place === undefined) throw unexpected(begun, into.registry)
  return `${place}${place.includes('?') ? '&' : '?'}${new URLSearchParams({ digest }).toString()}`
}

/** Cancels an upload that a registry started instead of a mount. If that fails, the registry cleans it up. */
async function cancel(client: ClientContext, into: Reference, begun: Response): Promise<void> {
  const path = placeOf(begun)
  if (path === undefined) return
  const access = { ...writing(into), scopes: [scopeOf(into, 'pull,push,delete')] }
  await ask(client, access, { method: 'DELETE', path }).catch((error: unknown) => {
    if (!(error instanceof RegistryError)) throw error
  })
}

/** Path at which a started upload continues; undefined if it is on another host. */
function placeOf({ headers: { location }, url }: Response): string | undefined {
  if (location === undefined || !URL.canParse(location, url.href)) return undefined
  const { host, pathname, search } = new URL(location, url)
  // Behind a proxy a registry may name itself by another scheme; but no other host gets the login.
  return host === url.host ? `${pathname}${search}` : undefined
}
