import type { ArtifactRepository } from '../artifact-repository.js'
import { RegistryError } from '../errors.js'
import { formatReference, parseName } from '../metadata/reference.js'
import { manifestLine, manifestsOf, type Reading } from './artifact-manifests.js'
import { downloadBlob, uploadFile } from './blob-files.js'
import { findBlob } from './blobs.js'
import type { RegistriesOptions } from './registries.js'
import { ask, reading, writing } from './request.js'
import { openClient, withoutLogin } from './open-client.js'
import { mount } from './uploads.js'

/**
 * Opens a repository for what isn't an image. Nothing is asked yet.
 * @param writes whether something will be written: then that is what a token is asked for, and for reading alone only
 * where that is refused
 */
export function openArtifacts(options: RegistriesOptions, written: string, writes: boolean): ArtifactRepository {
  const name = parseName(written)
  const client = openClient(options)
  const read: Reading = async (question) => {
    if (!writes) return await question(reading(name))
    return await question(writing(name)).catch(async (error: unknown) => {
      if (!(error instanceof RegistryError && error.refuses)) throw error
      return await question(reading(name))
    })
  }
  return {
    name: formatReference(name),
    ...manifestsOf(name, client, read),
    hasBlob: (digest) => read((access) => findBlob(client, name, digest, access)),
    fetchBlob: (blob, path, signal) => read((access) => downloadBlob(client, access, blob, { path, signal })),
    putBlob: (blob, path, signal) => uploadFile(client, name, blob, { path, signal }),
    mountBlob: (digest, from) =>
      mount(client, name, digest, parseName(from)).catch((error: unknown) => {
        // Harbor refuses it to who has no right to the other repository, even where anybody may read that one.
        if (error instanceof RegistryError && !error.transient) return false
        throw error
      }),
    async isPublic(tag, signal) {
      const line = { method: 'GET', ...manifestLine(name, tag), signal } as const
      const response = await ask(withoutLogin(client), reading(name), line).catch((error: unknown) => {
        if (!(error instanceof RegistryError)) throw error
      })
      return response?.status === 200
    },
    requests: client.requests,
    close: () => {
      client.connection.close()
    },
  }
}
