import type { Engine, Image, Pushed } from '../engine/engine.js'
import { describeInLine } from '../errors.js'
import { formatReference } from '../metadata/reference.js'
import { objectOf, parseObject } from '../lib/json.js'
import { debug, info, warn } from '../log.js'
import type { Registries } from '../registry/client.js'

type Asked = Pick<Registries, 'resolve' | 'fetchManifest'>

/**
 * The same engine, whose pushes tell the digest under which the registry has the image: one that writes manifests anew
 * has it under another digest than that of the bytes that the engine has sent.
 * @param open gives the registries to ask; called at the first push
 */
export function tellingHeldDigests(engine: Engine, open: () => Promise<Asked>): Engine {
  return {
    ...engine,
    async push(image, reference) {
      const pushed = await engine.push(image, reference)
      return { ...pushed, digest: await heldDigest(pushed, image, open) }
    },
  }
}

/** Never rejects: whoever may push need not be one who may read, and then there is only the engine's word. */
async function heldDigest(pushed: Pushed, image: Image, open: () => Promise<Asked>): Promise<string> {
  const name = formatReference(pushed.reference)
  const look = async () => await otherDigest(pushed, image, await open())
  const digest = await look().catch((error: unknown) => {
    debug(`Push of ${name}: the digest could not be looked up. ${describeInLine(error)}`)
    return undefined
  })
  if (digest === undefined) return pushed.digest
  info(`Push of ${name}: the registry has written the manifest anew, and has it as ${digest}, not as ${pushed.digest}`)
  return digest
}

/** The digest of this very image, where the registry has it under another one; undefined where it hasn't, or is unknown. */
async function otherDigest(
  { reference, digest }: Pushed,
  image: Image,
  registries: Asked,
): Promise<string | undefined> {
  const { registry, repository } = reference
  if ((await registries.resolve({ registry, repository, digest })) !== undefined) return undefined
  const there = await registries.resolve(reference)
  if (there === undefined || there.digest === digest) return undefined
  // Somebody else may have moved the tag meanwhile, and nobody may take their image for this one.
  const manifest = await registries.fetchManifest({ registry, repository, digest: there.digest })
  if (objectOf(parseObject(manifest?.bytes.toString('utf8') ?? '')['config'])['digest'] === image.id)
    return there.digest
  warn(
    `${formatReference(reference)} was pushed as ${digest}, which the registry doesn't have, and what it has there, ${there.digest}, is another image. See whether somebody else pushes this tag.`,
  )
  return undefined
}
