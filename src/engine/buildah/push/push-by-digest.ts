import { rm } from 'node:fs/promises'
import type { Env } from '../../../exec.js'
import { parseObject } from '../../../lib/json.js'
import { formatReference, type Reference } from '../../../metadata/reference.js'
import { RegistryError } from '../../../errors.js'
import { SEE_LOG } from '../../error-hints.js'
import type { Engine, Image } from '../../engine.js'
import type { PushedManifest, UploadProxy } from '../../upload-proxy.js'
import { writePrivate } from '../../work-dir.js'
import type { Push } from './push-image.js'
import type { BuildahSetup } from '../setup.js'
import { compressedLayers, type StoredLayers, storedLayers } from '../images/stored-layers.js'

/** What Buildah calls it; the proxy leaves it out. */
const TAG = 'by-digest'

/**
 * Pushes by digest through a proxy: `buildah push` itself refuses a destination with a digest.
 * @param push to a reference, in the format that the registry takes
 */
export function openDigestPusher(setup: BuildahSetup, push: Push): Pick<Engine, 'pushByDigest'> {
  /** By the ids of images; what one push has found out is of use to the next one. */
  const known = new Map<string, Promise<StoredLayers>>()
  const layersOf = (image: Image) => {
    const found = known.get(image.id) ?? storedLayers(image, setup)
    known.set(image.id, found)
    return found
  }
  return {
    async pushByDigest(image, repository, openProxy, env) {
      const layers = await layersOf(image)
      // Compressed anew, a layer is another blob.
      const reused = image.compression?.force === true ? [] : layers.pulled
      const manifest = await pushThrough(await openProxy(repository, reused), { image, repository, setup, push, env })
      const learnt = compressedLayers(parseObject(manifest.bytes.toString('utf8')), layers.diffIds, repository)
      known.set(image.id, Promise.resolve({ ...layers, pulled: [...learnt, ...layers.pulled] }))
      const { digest, mediaType, size } = manifest
      return { digest, mediaType, size }
    },
  }
}

interface Pushing {
  readonly image: Image
  readonly repository: Reference
  readonly setup: BuildahSetup
  readonly push: Push
  readonly env: Env | undefined
}

async function pushThrough(
  proxy: UploadProxy,
  { image, repository, setup, push, env }: Pushing,
): Promise<PushedManifest & { readonly bytes: Buffer }> {
  const name = formatReference(repository)
  const login = Buffer.from(`${proxy.username}:${proxy.password.reveal()}`).toString('base64')
  const file = `auth/proxy-${proxy.host.replace(/\D+/g, '-')}.json`
  const auth = await writePrivate(setup.folder, file, JSON.stringify({ auths: { [proxy.host]: { auth: login } } }))
  try {
    const reference = { registry: proxy.host, repository: repository.repository, tag: TAG }
    await push(image, { reference, auth, insecure: [proxy.host], named: repository, env })
  } catch (error) {
    throw unanswered(proxy, name) ?? error
  } finally {
    await proxy.close()
    await rm(auth, { force: true })
  }
  const manifest = proxy.manifest()
  if (manifest === undefined) throw new Error(`Buildah pushed no manifest to ${name}`)
  return manifest
}

/** Where the registry gave no answer, Buildah only knows that the proxy gave none. */
function unanswered(proxy: UploadProxy, name: string): RegistryError | undefined {
  const cause = proxy.failure()
  if (cause === undefined) return undefined
  const { hint, transient, refuses } = cause
  return new RegistryError(`Push of ${name} failed.`, hint ?? SEE_LOG, transient, { cause, refuses })
}
