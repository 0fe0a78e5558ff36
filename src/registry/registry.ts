import { RegistryError } from '../errors.js'
import { type Clock, systemClock } from '../clock.js'
import type { Env } from '../exec.js'
import { quote } from '../image/quote.js'
import { formatReference, type Reference } from '../image/reference.js'
import { persist } from '../persist.js'
import { type Access, type Authorization, openAuthorization } from './authorization.js'
import { type Answer, type Connection, openConnection, type Question } from './connection.js'
import {
  checkedDigest,
  type Descriptor,
  digestLike,
  isDigest,
  type Manifest,
  MANIFEST_LIMIT,
  MANIFEST_TYPES,
  manifestType,
} from './content.js'
import { findLogin, type Logins } from './logins.js'
import { outOfReach, refusal, trouble, unexpected } from './refusals.js'

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
   * A small blob, such as the configuration of an image, checked against its digest; undefined where the registry has none.
   * @throws RegistryError
   */
  fetchBlob(reference: Reference, digest: string): Promise<Buffer | undefined>
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

/** The way to registries, and who asks. */
interface Desk {
  readonly connection: Connection
  readonly authorization: Authorization
}

/** What is asked of one registry, below its address. */
type Line = Omit<Question, 'url' | 'limit'> & { readonly path: string }

export function openRegistries(options: RegistriesOptions): Registries {
  const { clock = systemClock } = options
  const connection = openConnection(options)
  const find = (registry: string, repository: string) => findLogin(registry, repository, options)
  const authorization = openAuthorization(connection, find, clock)
  const desk = { connection, authorization }
  return {
    resolve: (reference) =>
      persist(`Look at ${formatReference(reference)}`, () => look(desk, reference, reading(reference)), clock),
    fetchManifest: (reference) =>
      persist(`Manifest of ${formatReference(reference)}`, () => read(desk, reference, reading(reference)), clock),
    fetchBlob: (reference, digest) =>
      persist(`Blob ${digest} of ${formatReference(reference)}`, () => readBlob(desk, reference, digest), clock),
    putManifest: (reference, manifest) =>
      persist(`Tag ${formatReference(reference)}`, () => put(desk, reference, manifest), clock),
    mountBlob: (into, digest, from) =>
      persist(`Mount of ${digest} into ${formatReference(into)}`, () => mount(desk, into, digest, from), clock),
    close: () => {
      connection.close()
    },
  }
}

const scopeOf = ({ repository }: Reference, actions: string) => `repository:${repository}:${actions}`
const reading = ({ registry, repository }: Reference): Access => ({
  registry,
  repository,
  scopes: [scopeOf({ registry, repository }, 'pull')],
})
const writing = ({ registry, repository }: Reference, from?: Reference): Access => ({
  registry,
  repository,
  scopes: [scopeOf({ registry, repository }, 'pull,push'), ...(from === undefined ? [] : [scopeOf(from, 'pull')])],
})

/** HEAD, or GET where that doesn't tell all. */
async function look(desk: Desk, reference: Reference, access: Access): Promise<Descriptor | undefined> {
  const answer = await ask(desk, access, { method: 'HEAD', ...manifestLine(reference) })
  if (answer.status === 404) return undefined
  // Some have no HEAD.
  if (answer.status !== 200 && answer.status !== 405) throw await refused(desk, access, answer, 'read')
  const digest = digestHeader(answer, reference)
  const mediaType = manifestType(answer.headers['content-type'])
  const size = sizeHeader(answer)
  if (answer.status === 200 && digest !== undefined && mediaType !== undefined && size !== undefined)
    return { digest, mediaType, size }
  const manifest = await read(desk, reference, access)
  return manifest && { digest: manifest.digest, mediaType: manifest.mediaType, size: manifest.size }
}

/** GET, with the bytes checked against the digest that was asked for, or that the registry names. */
async function read(desk: Desk, reference: Reference, access: Access): Promise<Manifest | undefined> {
  const answer = await ask(desk, access, { method: 'GET', ...manifestLine(reference) })
  const { status, body: bytes } = answer
  if (status === 404) return undefined
  if (status !== 200) throw await refused(desk, access, answer, 'read')
  const wanted = digestHeader(answer, reference) ?? reference.digest
  const digest = checkedDigest(bytes, wanted, reference)
  const mediaType = manifestType(answer.headers['content-type'], bytes)
  if (mediaType === undefined) throw unexpected({ ...answer, body: Buffer.alloc(0) }, reference.registry)
  return { digest, mediaType, size: bytes.length, bytes }
}

async function readBlob(desk: Desk, reference: Reference, digest: string): Promise<Buffer | undefined> {
  if (!isDigest(digest)) throw new Error(`${JSON.stringify(digest)} is no digest`)
  const access = reading(reference)
  const answer = await ask(desk, access, { method: 'GET', path: `/v2/${reference.repository}/blobs/${digest}` })
  if (answer.status === 404) return undefined
  if (answer.status !== 200) throw await refused(desk, access, answer, 'read')
  checkedDigest(answer.body, digest, reference)
  return answer.body
}

async function put(desk: Desk, reference: Reference, { bytes, digest, mediaType }: Manifest): Promise<void> {
  if (reference.tag === undefined) throw new Error('a manifest is put under a tag')
  if (digestLike(bytes, digest) !== digest) throw new Error(`the bytes of a manifest are not those of ${digest}`)
  const access = writing(reference)
  const tagged = { registry: reference.registry, repository: reference.repository, tag: reference.tag }
  const { path } = manifestLine(tagged)
  const answer = await ask(desk, access, { method: 'PUT', path, headers: { 'content-type': mediaType }, body: bytes })
  if (answer.status < 200 || answer.status > 299) throw await refused(desk, access, answer, 'write to')
  const there = await look(desk, tagged, access)
  if (there?.digest === digest) return
  throw new RegistryError(
    `${formatReference(tagged)} was put there with ${digest}, and read back it is ${there?.digest ?? 'not there'}.`,
    'Somebody else may push the same tag at the same time: see whether two jobs do.',
    false,
  )
}

async function mount(desk: Desk, into: Reference, digest: string, from: Reference): Promise<boolean> {
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

function manifestLine({ repository, tag, digest }: Reference): Pick<Line, 'path' | 'headers'> {
  return {
    path: `/v2/${repository}/manifests/${digest ?? tag ?? 'latest'}`,
    headers: { accept: MANIFEST_TYPES.join(', ') },
  }
}

/** Asks one registry. @throws RegistryError when it can't be reached, or may answer otherwise the next time */
async function ask({ connection, authorization }: Desk, access: Access, line: Line): Promise<Answer> {
  const { registry } = access
  const { path, headers, ...question } = line
  try {
    const url = new URL(`${await connection.originOf(registry)}${path}`)
    const answer = await authorization.ask(access, (authorization) =>
      connection.exchange({
        ...question,
        url,
        limit: MANIFEST_LIMIT,
        headers: { ...headers, ...(authorization !== undefined && { authorization }) },
      }),
    )
    const passing = trouble(answer, registry)
    if (passing !== undefined) throw passing
    return answer
  } catch (error) {
    throw outOfReach(error, registry)
  }
}

async function refused(
  { authorization }: Desk,
  access: Access,
  answer: Answer,
  verb: 'read' | 'write to',
): Promise<RegistryError> {
  return refusal(answer, { ...access, verb, who: await authorization.whoAsks(access) })
}

/**
 * The digest that a registry names for what was asked.
 * @throws RegistryError for one that is none, or another than was asked for
 */
function digestHeader({ headers }: Answer, reference: Reference): string | undefined {
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

function sizeHeader({ headers }: Answer): number | undefined {
  const text = headers['content-length'] ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
