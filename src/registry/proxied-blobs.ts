import { randomUUID } from 'node:crypto'
import { describeInLine } from '../errors.js'
import { debug } from '../log.js'
import type { Reference } from '../metadata/reference.js'
import type { CompressedLayer } from './compressed-layers.js'
import { errorReply, type Forwarding, passOn, type Reply, type Request } from './forwarding.js'
import { isDigest } from './manifest.js'
import type { ClientContext } from './request.js'
import { mount } from './uploads.js'

/** A layer whose blob may be in the registry already. */
export interface KnownLayer extends CompressedLayer {
  /** Repositories that have the blob, some of them perhaps in the same registry. */
  readonly repositories: readonly Reference[]
}

/** What the blobs of the repository are known by. */
interface Place {
  readonly client: ClientContext
  readonly target: Reference
  readonly layers: readonly KnownLayer[]
}

/** The blobs of a proxied repository. */
export interface ProxiedBlobs {
  /** @param rest of the path, behind `/blobs/` */
  reply(request: Request, rest: string): Promise<Reply>
  /** Layers that the engine was told are there, by their diff IDs: the blob is. */
  readonly replaced: ReadonlyMap<string, CompressedLayer>
}

type Method = 'POST' | 'PATCH' | 'PUT' | 'DELETE'

/** The headers of a piece of a blob. */
const OF_BODY = ['content-type', 'content-length', 'content-range']

export function openBlobs(forwarding: Forwarding, place: Place): ProxiedBlobs {
  const base = `/v2/${place.target.repository}/blobs`
  const replaced = new Map<string, CompressedLayer>()
  /** Where uploads go on, by names that the engine knows them by: it learns no address of the registry. */
  const uploads = new Map<string, URL>()

  const head = async (digest: string) =>
    await forwarding.send(await forwarding.locate(`${base}/${digest}`), { method: 'HEAD' })
  /** Sees that the repository has the blob of a layer, or takes it over from another one. */
  const provide = async ({ digest, repositories }: KnownLayer): Promise<boolean> => {
    if ((await head(digest)).status === 200) return true
    for (const from of repositories.filter(({ registry }) => registry === place.target.registry)) {
      const isThere = await mount(place.client, place.target, digest, from).catch((error: unknown) => {
        debug(`${digest}: not taken over. ${describeInLine(error)}`)
        return false
      })
      if (isThere) return true
    }
    return false
  }
  const look = async (digest: string): Promise<Reply> => {
    for (const layer of place.layers.filter(({ diffId }) => diffId === digest)) {
      if (!(await provide(layer))) continue
      replaced.set(digest, layer)
      return { status: 200, headers: { 'content-length': String(layer.size) }, body: Buffer.alloc(0) }
    }
    return passOn(await head(digest))
  }
  const begin = async (): Promise<Reply> => {
    const response = await forwarding.send(await forwarding.locate(`${base}/uploads/`), { method: 'POST' })
    return passOn(response, goOn(randomUUID(), response.headers.location, response.url))
  }
  const goOn = (id: string, location: string | undefined, base_: URL): Reply['headers'] => {
    if (location !== undefined && URL.canParse(location, base_.href)) uploads.set(id, whereTo(location, base_))
    return uploads.has(id) ? { location: `${base}/uploads/${id}` } : {}
  }
  const upload = async ({ method, query, incoming }: Request, id: string): Promise<Reply> => {
    const there = uploads.get(id)
    if (there === undefined) return errorReply(404, 'BLOB_UPLOAD_UNKNOWN')
    const url = new URL(there)
    const digest = query.get('digest')
    if (digest !== null) url.searchParams.set('digest', digest)
    const headers = Object.fromEntries(
      OF_BODY.flatMap((name) => {
        const value = incoming.headers[name]
        return typeof value === 'string' ? [[name, value]] : []
      }),
    )
    const response = await forwarding.send(url, { method: method as Method, headers, stream: incoming })
    return passOn(response, response.status === 202 ? goOn(id, response.headers.location, response.url) : {})
  }
  return {
    replaced,
    async reply(request, rest) {
      const { method } = request
      if (method === 'HEAD' && isDigest(rest)) return await look(rest)
      const [, id] = /^uploads\/([\w-]*)$/.exec(rest) ?? []
      if (id === '' && method === 'POST') return await begin()
      if (id !== undefined && id !== '' && ['PATCH', 'PUT', 'DELETE'].includes(method)) return await upload(request, id)
      return errorReply(405, 'UNSUPPORTED')
    },
  }
}

/** Behind a proxy a registry may name itself by another scheme. */
function whereTo(location: string, base: URL): URL {
  const url = new URL(location, base)
  return url.host === base.host ? new URL(`${url.pathname}${url.search}`, base.origin) : url
}
