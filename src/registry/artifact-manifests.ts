import type { ArtifactRepository } from '../artifact-repository.js'
import { RegistryError } from '../errors.js'
import { listOf, parseObject } from '../lib/json.js'
import type { Reference } from '../metadata/reference.js'
import type { Access } from './authorization.js'
import { fixedTag } from './errors.js'
import { checkedDigest } from './manifest.js'
import { ask, type ClientContext, type Line, refused, scopeOf, writing } from './request.js'

const IMAGE_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

/** Asks as who may write where that is so, else as who may read. */
export type Reading = <T>(question: (access: Access) => Promise<T>) => Promise<T>

/** Manifests of a repository for what isn't an image. */
export function manifestsOf(
  name: Reference,
  client: ClientContext,
  read: Reading,
): Pick<ArtifactRepository, 'fetchManifest' | 'putManifest' | 'deleteManifest' | 'tags'> {
  return {
    fetchManifest: (tag, signal) =>
      read(async (access) => {
        const response = await ask(client, access, { method: 'GET', ...manifestLine(name, tag), signal })
        if (response.status === 404) return undefined
        if (response.status !== 200) throw await refused(client, access, response, 'read')
        const told = response.headers['docker-content-digest']
        const digest = checkedDigest(response.body, typeof told === 'string' ? told : undefined, name)
        return { digest, text: response.body.toString('utf8') }
      }),

    async putManifest(tag, mediaType, text, signal) {
      const access = writing(name)
      const { path } = manifestLine(name, tag)
      const line = { method: 'PUT', path, body: Buffer.from(text), signal } as const
      const response = await ask(client, access, { ...line, headers: { 'content-type': mediaType } })
      if (response.status >= 200 && response.status < 300) return true
      const fixed = fixedTag(response, name)
      if (fixed !== undefined) throw fixed
      const error = await refused(client, access, response, 'write to')
      if (error.transient || [401, 403, 404].includes(response.status)) throw error
      return false
    },

    async deleteManifest(digest, signal) {
      const access = { ...name, scopes: [scopeOf(name, 'pull,push,delete')] }
      try {
        const { path } = manifestLine(name, digest)
        const { status } = await ask(client, access, { method: 'DELETE', path, signal })
        return (status >= 200 && status < 300) || status === 404
      } catch (error) {
        if (error instanceof RegistryError && error.refuses) return false
        throw error
      }
    },

    tags: (signal) =>
      read(async (access) => {
        const path = `/v2/${name.repository}/tags/list?n=1000`
        const response = await ask(client, access, { method: 'GET', path, signal })
        if (response.status === 404) return []
        if (response.status !== 200) throw await refused(client, access, response, 'read')
        const { tags } = parseObject(response.body.toString('utf8'))
        return listOf(tags).filter((tag) => typeof tag === 'string')
      }),
  }
}

export function manifestLine({ repository }: Reference, which: string): Pick<Line, 'path' | 'headers'> {
  return { path: `/v2/${repository}/manifests/${which}`, headers: { accept: IMAGE_MANIFEST } }
}
