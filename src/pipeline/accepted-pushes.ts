import type { Engine, Image } from '../engine/engine.js'
import { describe, RegistryError } from '../errors.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import { isObject, parseObject } from '../lib/json.js'
import { debug, info } from '../log.js'
import type { Registries } from '../registry/client.js'

type Open = () => Promise<Pick<Registries, 'resolve' | 'fetchManifest'>>

/**
 * The same engine, whose push also counts where a registry refuses it that has the same image under the same tag already:
 * where tags can't be changed, a run that failed half way could otherwise never succeed.
 */
export function acceptPushed(engine: Engine, open: Open): Engine {
  return {
    ...engine,
    async push(image, reference) {
      return await engine.push(image, reference).catch(async (error: unknown) => {
        if (!(error instanceof RegistryError) || error.transient) throw error
        const digest = await digestOfSame(image, reference, open).catch((other: unknown) => {
          debug(describe(other))
          return undefined
        })
        if (digest === undefined) throw error
        info(`${formatReference(reference)} is refused, and counts as pushed: it is this image already (${digest})`)
        return { reference, digest }
      })
    },
  }
}

/** The digest of what is under the tag, if that is the same image: its configuration names its layers. */
async function digestOfSame(image: Image, reference: Reference, open: Open): Promise<string | undefined> {
  const registries = await open()
  const there = await registries.resolve(reference)
  if (there === undefined) return undefined
  const { registry, repository } = reference
  const manifest = await registries.fetchManifest({ registry, repository, digest: there.digest })
  const { config } = parseObject(manifest?.bytes.toString() ?? '')
  return isObject(config) && config['digest'] === image.id ? there.digest : undefined
}
