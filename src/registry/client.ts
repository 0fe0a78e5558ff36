import { RegistryError } from '../errors.js'
import { type Clock, systemClock } from '../lib/clock.js'
import type { Env } from '../exec.js'
import { quote } from '../lib/quote.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import { withRetries } from '../lib/retry.js'
import { ask, type ClientContext, type Line, reading, refused, writing } from './request.js'
import { type Access, openAuthorization } from './authorization.js'
import { findBlob, readBlob } from './blobs.js'
import { type Response, openConnection } from './http.js'
import {
  type Blob,
  checkedDigest,
  type Descriptor,
  digestLike,
  isDigest,
  type Manifest,
  MANIFEST_TYPES,
  manifestType,
} from './manifest.js'
import { findLogin, type Logins } from '../auth/keychain.js'
import { unexpected } from './errors.js'
import { mount, type Trial, tryPush, upload } from './uploads.js'

/** Registries, each asked by its own protocol, with a login that is for it and for nobody else. */
export interface Registries {
  /**
   * What a tag or a digest points to now; undefined where the registry has none.
   * @throws RegistryError
   */
  resolve(reference: Reference): Promise<Descriptor | undefined>
  /**
   * The manifest with this digest, checked against it; undefined where the registry has none.
   * @throws RegistryError
   */
  fetchManifest(reference: Reference & { readonly digest: string }): Promise<Manifest | undefined>
  /**
   * Puts a manifest under a tag, and reads back which digest is there. What it names must be in the repository.
   * @throws RegistryError when it is refused, or another digest is there
   */
  putManifest(reference: Reference & { readonly tag: string }, manifest: Manifest): Promise<void>
  /**
   * Makes a blob of another repository of the same registry one of this repository, without its bytes.
   * @returns whether it is there now; not, where the registry wants its bytes
   * @throws RegistryError
   */
  mountBlob(into: Reference, digest: string, from: Reference): Promise<boolean>
  /**
   * Puts a small blob, such as the configuration of an image, into a repository, where it isn't there yet.
   * @throws RegistryError
   */
  putBlob(into: Reference, blob: Blob): Promise<void>
  /**
   * Whether a repository has a blob, so that it can be pulled.
   * @throws RegistryError
   */
  hasBlob(reference: Reference, digest: string): Promise<boolean>
  /**
   * A small blob, such as the configuration of an image, checked against its digest.
   * @throws RegistryError also where there is none
   */
  fetchBlob(reference: Reference, digest: string): Promise<Buffer>
  /**
   * Tries whether something may be put into the repository of a reference, once; nothing is.
   * @throws RegistryError that says whether it was refused
   */
  tryPush(reference: Reference): Promise<Trial>
  /** Lets go of connections. */
  close(): void
}

export interface RegistriesOptions extends Logins {
  /** Registries (`host:port`) that the user allowed plain HTTP and unknown certificates for, and no other. */
  readonly insecure: readonly string[]
  /** For credential helpers and certificates; proxies are those of this process. */
  readonly env: Env
  /** Default, the system's. */
  readonly clock?: Clock
}

/** The client, which is loaded when it is needed. */
export interface RegistryClient {
  /** Loads it ahead of its use. */
  load(): void
  open(options: RegistriesOptions): Promise<Registries>
}

export function openRegistries(options: RegistriesOptions): Registries {
  const { clock = systemClock } = options
  const connection = openConnection(options)
  const find = (registry: string, repository: string) => findLogin(registry, repository, options)
  const authorization = openAuthorization(connection, find, clock)
  const client = { connection, authorization }
  return {
    resolve: (reference) =>
      withRetries(`Look at ${formatReference(reference)}`, () => look(client, reference, reading(reference)), clock),
    fetchManifest: (reference) =>
      withRetries(
        `Manifest of ${formatReference(reference)}`,
        () => read(client, reference, reading(reference)),
        clock,
      ),
    putManifest: (reference, manifest) =>
      withRetries(`Tag ${formatReference(reference)}`, () => put(client, reference, manifest), clock),
    mountBlob: (into, digest, from) =>
      withRetries(`Mount of ${digest} into ${formatReference(into)}`, () => mount(client, into, digest, from), clock),
    putBlob: (into, blob) =>
      withRetries(`Upload of ${blob.digest} to ${formatReference(into)}`, () => upload(client, into, blob), clock),
    hasBlob: (reference, digest) =>
      withRetries(
        `Look at ${digest} in ${formatReference(reference)}`,
        () => findBlob(client, reference, digest),
        clock,
      ),
    fetchBlob: (reference, digest) =>
      withRetries(`${digest} of ${formatReference(reference)}`, () => readBlob(client, reference, digest), clock),
    tryPush: (reference) => tryPush(client, reference),
    close: () => {
      connection.close()
    },
  }
}

/** HEAD, or GET where that doesn't tell all. */
async function look(client: ClientContext, reference: Reference, access: Access): Promise<Descriptor | undefined> {
  const response = await ask(client, access, { method: 'HEAD', ...manifestLine(reference) })
  if (response.status === 404) return undefined
  // Some have no HEAD.
  if (response.status !== 200 && response.status !== 405) throw await refused(client, access, response, 'read')
  const digest = digestHeader(response, reference)
  const mediaType = manifestType(response.headers['content-type'])
  const size = sizeHeader(response)
  if (response.status === 200 && digest !== undefined && mediaType !== undefined && size !== undefined)
    return { digest, mediaType, size }
  const manifest = await read(client, reference, access)
  return manifest && { digest: manifest.digest, mediaType: manifest.mediaType, size: manifest.size }
}

/** GET, with the bytes checked against the digest that was asked for, or that the registry names. */
async function read(client: ClientContext, reference: Reference, access: Access): Promise<Manifest | undefined> {
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

async function put(client: ClientContext, reference: Reference, { bytes, digest, mediaType }: Manifest): Promise<void> {
  if (reference.tag === undefined) throw new Error('a manifest is put under a tag')
  if (digestLike(bytes, digest) !== digest) throw new Error(`the bytes of a manifest are not those of ${digest}`)
  const access = writing(reference)
  const tagged = { registry: reference.registry, repository: reference.repository, tag: reference.tag }
  const { path } = manifestLine(tagged)
  const response = await ask(client, access, {
    method: 'PUT',
    path,
    headers: { 'content-type': mediaType },
    body: bytes,
  })
  if (response.status < 200 || response.status > 299) throw await refused(client, access, response, 'write to')
  const there = await look(client, tagged, access)
  if (there?.digest === digest) return
  throw new RegistryError(
    `${formatReference(tagged)} was put there with ${digest}, and read back it is ${there?.digest ?? 'not there'}.`,
    'Somebody else may push the same tag at the same time: see whether two jobs do.',
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
    `${reference.registry} names ${isFine ? 'another digest' : 'something that is no digest'} for ${formatReference(reference)}: ${quote(String(named))}.`,
    'The registry, or a proxy on the way to it, has broken content.',
    false,
  )
}

function sizeHeader({ headers }: Response): number | undefined {
  const text = headers['content-length'] ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
