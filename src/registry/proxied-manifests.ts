import type { IncomingMessage } from 'node:http'
import type { Reference } from '../metadata/reference.js'
import { type CompressedLayer, withCompressed } from './compressed-layers.js'
import { errorReply, type Forwarding, passOn, type Reply, type Request } from './forwarding.js'
import { digestLike, type Manifest, MANIFEST_LIMIT, MANIFEST_TYPES, manifestType } from './manifest.js'

/** The manifests of a proxied repository. */
export interface ProxiedManifests {
  put(request: Request): Promise<Reply>
  /** What the registry took last. */
  readonly last: () => Manifest | undefined
}

/** @param replaced layers that the engine names by what they are uncompressed */
export function openManifests(
  forwarding: Forwarding,
  { repository }: Reference,
  replaced: ReadonlyMap<string, CompressedLayer>,
): ProxiedManifests {
  let last: Manifest | undefined
  return {
    async put({ incoming }) {
      const given = await readBody(incoming)
      if (given === undefined) return errorReply(413, 'SIZE_INVALID', 'the manifest is too large')
      const mediaType = manifestType(incoming.headers['content-type'], given)
      if (mediaType === undefined)
        return errorReply(415, 'UNSUPPORTED', `the manifest is none of ${MANIFEST_TYPES.join(', ')}`)
      const bytes = withCompressed(given, replaced)
      const digest = digestLike(bytes)
      const url = await forwarding.locate(`/v2/${repository}/manifests/${digest}`)
      const headers = { 'content-type': mediaType }
      const response = await forwarding.send(url, { method: 'PUT', headers, body: bytes })
      if (response.status >= 200 && response.status <= 299) last = { digest, mediaType, size: bytes.length, bytes }
      const { status, headers: answered, body } = passOn(response)
      // What the engine has sent may have another one.
      const kept = Object.entries(answered).filter(([name]) => name !== 'docker-content-digest')
      return { status, headers: Object.fromEntries(kept), body }
    },
    last: () => last,
  }
}

async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    size += piece.length
    if (size <= MANIFEST_LIMIT) pieces.push(piece)
  }
  return size <= MANIFEST_LIMIT ? Buffer.concat(pieces) : undefined
}
