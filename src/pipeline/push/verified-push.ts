import type { Engine, Image, Pushed } from '../../engine/engine.js'
import { describe, describeInLine, RegistryError } from '../../errors.js'
import { objectOf, parseObject } from '../../lib/json.js'
import { debug, info, warn } from '../../log.js'
import { formatReference, type Reference, repositoryOf } from '../../metadata/reference.js'
import type { Registries } from '../../registry/registries.js'

type Asked = Pick<Registries, 'resolve' | 'fetchManifest'>

/** What a registry has under a reference. */
interface Held {
  readonly digest: string
  /** Whether it is the image that was built: its configuration names its layers. */
  readonly isSame: boolean
}

/**
 * The same engine, where the registry has the last word on what it holds after a push: a push that is refused counts where
 * the same image is under the same tag already, since a run that failed half way could otherwise never succeed where tags
 * can't be changed; and the digest is the one that the registry has, since some rewrite manifests.
 * @param open gives the registries to ask; called by the first push
 */
export function verifyingPushes(engine: Engine, open: () => Promise<Asked>): Engine {
  return {
    ...engine,
    async push(image, reference, env) {
      try {
        const pushed = await engine.push(image, reference, env)
        return { ...pushed, digest: await heldDigest(pushed, image, open) }
      } catch (error) {
        return await acceptRefused(error, image, reference, open)
      }
    },
  }
}

/** @throws the error, where the registry hasn't this image under the reference */
async function acceptRefused(
  error: unknown,
  image: Image,
  reference: Reference,
  open: () => Promise<Asked>,
): Promise<Pushed> {
  if (!(error instanceof RegistryError) || error.transient) throw error
  const look = async () => await lookUp(reference, image, await open())
  const held = await look().catch((other: unknown) => {
    debug(describe(other))
    return undefined
  })
  if (held?.isSame !== true) throw error
  info(
    `${formatReference(reference)}: the push was refused, but the tag already is this image (${held.digest}), so it counts as pushed`,
  )
  return { reference, digest: held.digest }
}

/** Never rejects: whoever may push need not be one who may read, and then there is only the engine's word. */
async function heldDigest({ reference, digest }: Pushed, image: Image, open: () => Promise<Asked>): Promise<string> {
  const name = formatReference(reference)
  const look = async () => {
    const registries = await open()
    const isThere = (await registries.resolve({ ...repositoryOf(reference), digest })) !== undefined
    return isThere ? undefined : await lookUp(reference, image, registries)
  }
  const held = await look().catch((error: unknown) => {
    debug(`Push of ${name}: could not look up the digest. ${describeInLine(error)}`)
    return undefined
  })
  if (held === undefined || held.digest === digest) return digest
  if (held.isSame) {
    info(`Push of ${name}: the registry rewrote the manifest; its digest is ${held.digest} instead of ${digest}`)
    return held.digest
  }
  // Somebody else may have moved the tag meanwhile, and nobody may take their image for this one.
  warn(
    `${name} was pushed as ${digest}, but the registry doesn't have that digest; the tag points to another image, ${held.digest}. Check whether somebody else pushes this tag.`,
  )
  return digest
}

async function lookUp(reference: Reference, { id }: Image, registries: Asked): Promise<Held | undefined> {
  const there = await registries.resolve(reference)
  if (there === undefined) return undefined
  const manifest = await registries.fetchManifest({ ...repositoryOf(reference), digest: there.digest })
  const { config } = parseObject(manifest?.bytes.toString('utf8') ?? '')
  return { digest: there.digest, isSame: objectOf(config)['digest'] === id }
}
