import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { RegistryError } from '../errors.js'
import { Secret } from '../lib/secret.js'
import type { Reference } from '../metadata/reference.js'
import { type KnownLayer, openBlobs } from './proxied-blobs.js'
import { openManifests } from './proxied-manifests.js'
import { errorReply, openForwarding, type Reply, type Request } from './forwarding.js'
import type { Manifest } from './manifest.js'
import type { ClientContext } from './request.js'

/**
 * A registry on loopback that stands in for one repository of another. What is pushed to it under a tag lies in the
 * repository by its digest afterwards, and under no tag: for an engine that can only push tags.
 */
export interface UploadProxy {
  /** `127.0.0.1:23456`, plain HTTP. */
  readonly host: string
  readonly username: string
  readonly password: Secret
  /** The manifest that the registry took last, by its digest; undefined where it has taken none. */
  readonly manifest: () => Manifest | undefined
  /** Why there was no answer of the registry to what it was asked last; undefined where there was one. */
  readonly failure: () => RegistryError | undefined
  /** Stops listening, and ends what is under way. */
  close(): Promise<void>
}

const USER = 'rootless-image-build'
const ADDRESS = '127.0.0.1'
/** Below the ports that systems give out by themselves. */
const [FIRST_PORT, PORTS, TRIES] = [20_000, 12_000, 4]

/**
 * Opens one, with a password that nobody else knows, and lets nobody do anything there but push to the repository.
 * @param target the repository
 * @param layers that needn't be sent where their blobs are in the registry already
 */
export async function openUploadProxy(
  client: ClientContext,
  target: Reference,
  layers: readonly KnownLayer[],
): Promise<UploadProxy> {
  const password = new Secret(randomBytes(32).toString('base64url'))
  const forwarding = openForwarding(client, target)
  const blobs = openBlobs(forwarding, { client, target, layers })
  const manifests = openManifests(forwarding, target, blobs.replaced)
  const isLoggedIn = loginCheck(password)
  const base = `/v2/${target.repository}`
  const reply = async (request: Request): Promise<Reply> => {
    const { method, path } = request
    if (!isLoggedIn(request.incoming.headers.authorization))
      return { ...errorReply(401, 'UNAUTHORIZED'), headers: { 'www-authenticate': `Basic realm="${USER}"` } }
    if (path === '/v2/' && method === 'GET') return { status: 200, headers: {}, body: Buffer.from('{}') }
    if (path.startsWith(`${base}/blobs/`)) return await blobs.reply(request, path.slice(`${base}/blobs/`.length))
    if (path.startsWith(`${base}/manifests/`) && method === 'PUT') return await manifests.put(request)
    return errorReply(404, 'NAME_UNKNOWN')
  }
  const server = createServer((incoming, answer) => {
    const replyOrRefuse = async (request: Request) => await reply(request).catch(refusalOf)
    void serve(incoming, answer, replyOrRefuse).catch(() => answer.destroy())
  })
  // Layers may take hours.
  server.requestTimeout = 0
  const port = await listen(server, target.registry)
  return {
    host: `${ADDRESS}:${port}`,
    username: USER,
    password,
    manifest: manifests.last,
    failure: forwarding.failure,
    close: () => close(server),
  }
}

/**
 * Answers one request. Where the registry gave no answer, there is none either: the engine then sees what it would see
 * without anything between, and tries again as it would.
 */
async function serve(
  incoming: IncomingMessage,
  answer: ServerResponse,
  reply: (request: Request) => Promise<Reply>,
): Promise<void> {
  const { method = '', url = '' } = incoming
  const [path = '', query = ''] = url.split('?')
  const { status, headers, body } = await reply({ method, path, query: new URLSearchParams(query), incoming })
  const length = method === 'HEAD' ? {} : { 'content-length': String(body.length) }
  answer.writeHead(status, { 'docker-distribution-api-version': 'registry/2.0', ...headers, ...length })
  answer.end(method === 'HEAD' ? undefined : body)
}

/** Where it is certain that the registry won't be asked, another try is of no use. @throws all other errors */
function refusalOf(error: unknown): Reply {
  if (!(error instanceof RegistryError) || error.transient) throw error
  return errorReply(403, 'DENIED', error.message)
}

/** Whether a header `Authorization` has the login, found out in a time that tells nothing. */
function loginCheck(password: Secret): (header: string | undefined) => boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest()
  const expected = hash(`Basic ${Buffer.from(`${USER}:${password.reveal()}`).toString('base64')}`)
  return (header = '') => timingSafeEqual(hash(header), expected)
}

/**
 * Takes the same port for a registry from run to run, where it is free: Buildah remembers, by the port as well, which
 * layers are there.
 */
async function listen(server: Server, registry: string): Promise<number> {
  const tried = Array.from({ length: TRIES }, (_, index) => {
    const hash = createHash('sha256').update(`${registry} ${index}`).digest()
    return FIRST_PORT + (hash.readUInt32BE() % PORTS)
  })
  for (const port of tried) {
    const isFree = await listenOn(server, port).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      return false
    })
    if (isFree) return port
  }
  await listenOn(server, 0)
  return (server.address() as AddressInfo).port
}

async function listenOn(server: Server, port: number): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, ADDRESS, () => {
      server.off('error', reject)
      resolve(true)
    })
  })
}

async function close(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve()
    })
    server.closeAllConnections()
  })
}
