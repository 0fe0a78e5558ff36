import { RegistryError } from '../errors.js'
import { quote } from '../lib/quote.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import type { Access } from './authorization.js'
import { unexpected } from './errors.js'
import type { Response } from './http.js'
import {
  checkedDigest,
  type Descriptor,
  digestLike,
  isDigest,
  type Manifest,
  MANIFEST_TYPES,
  manifestType,
} from './manifest.js'
import { ask, type ClientContext, type Line, refused, writing } from './request.js'

/** HEAD, or GET where that doesn't tell all. */
export async function lookUpManifest(
  client: ClientContext,
  reference: Reference,
  access: Access,
): Promise<Descriptor | undefined> {
  const response = await ask(client, access, { method: 'HEAD', ...manifestLine(reference) })
  if (response.status === 404) return undefined
  // Some have no HEAD.
  if (response.status !== 200 && response.status !== 405) throw await refused(client, access, response, 'read')
  const digest = digestHeader(response, reference)
  const mediaType = manifestType(response.headers['content-type'])
  const size = sizeHeader(response)
  if (response.status === 200 && digest !== undefined && mediaType !== undefined && size !== undefined)
    return { digest, mediaType, size }
  const manifest = await readManifest(client, reference, access)
  return manifest && { digest: manifest.digest, mediaType: manifest.mediaType, size: manifest.size }
}

/** GET, with the bytes checked against the digest that was asked for, or that the registry names. */
export async function readManifest(
  client: ClientContext,
  reference: Reference,
  access: Access,
): Promise<Manifest | undefined> {
  const response = await ask(client, access, { method: 'GET', ...manifestLine(reference) })
  const { status, body: bytes } = response
  if (status === 404) return undefined
  if (status !== 200) throw await refused(client, access, response, 'read')
  const wanted = digestHeader(response, reference) ?? reference.digest
  const digest = checkedDigest(bytes, wanted, reference)
  const mediaType = manifestType(response.headers['content-type'], bytes)
  if (mediaType === undefined) throw unexpected({ ...response, body: Buffer.alloc(0) }, reference.registry)
  return { digest, mediaType, size: bytes.length, bytes }
}

export async function putManifest(
  client: ClientContext,
  reference: Reference,
  { bytes, digest, mediaType }: Manifest,
): Promise<void> {
  if (reference.tag === undefined && reference.digest !== digest)
    throw new Error('a manifest needs a tag to be put under, or its own digest')
  if (digestLike(bytes, digest) !== digest) throw new Error(`the bytes of the manifest don't match ${digest}`)
  const access = writing(reference)
  const { registry, repository, tag } = reference
  const tagged = { registry, repository, ...(tag === undefined ? { digest } : { tag }) }
  const { path } = manifestLine(tagged)
  const response = await ask(client, access, {
    method: 'PUT',
    path,
    headers: { 'content-type': mediaType },
    body: bytes,
  })
  if (response.status < 200 || response.status > 299) throw await refused(client, access, response, 'write to')
  const there = await lookUpManifest(client, tagged, access)
  if (there?.digest === digest) return
  throw new RegistryError(
    `${formatReference(tagged)} was pushed as ${digest}, but the registry now returns ${there?.digest ?? 'nothing'} for it.`,
    'Check whether another job pushes the same tag at the same time.',
    false,
  )
}

function manifestLine({ repository, tag, digest }: Reference): Pick<Line, 'path' | 'headers'> {
  return {
    path: `/v2/${repository}/manifests/${digest ?? tag ?? 'latest'}`,
    headers: { accept: MANIFEST_TYPES.join(', ') },
  }
}

/**
 * The digest that a registry names for what was asked.
 * @throws RegistryError for one that is none, or another than was asked for
 */
function digestHeader({ headers }: Response, reference: Reference): string | undefined {
  const named = headers['docker-content-digest']
  if (named === undefined) return undefined
  const isFine = typeof named === 'string' && isDigest(named)
  if (isFine && (reference.digest === undefined || reference.digest === named)) return named
  throw new RegistryError(
    `${reference.registry} returned ${isFine ? 'another digest' : 'an invalid digest'} for ${formatReference(reference)}: ${quote(String(named))}.`,
    'The registry, or a proxy in front of it, has corrupt content.',
    false,
  )
}

function sizeHeader({ headers }: Response): number | undefined {
  const text = headers['content-length'] ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
