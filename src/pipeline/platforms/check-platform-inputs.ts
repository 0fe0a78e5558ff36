import { UserError } from '../../errors.js'
import { formatPlatform, nativePlatform } from '../../lib/platform.js'
import { info } from '../../log.js'
import type { Inputs } from '../../runner/inputs.js'
import { isForeign } from '../../runner/platform-inputs.js'

/** Refuses what can't be had together with `digests`, or with an image that gets no tag. @throws UserError */
export function checkDigests(inputs: Inputs): void {
  const { digests, platforms, load, outputs, distribute, byDigest } = inputs
  if (byDigest && (platforms.length > 1 || distribute || digests.length > 0))
    throw new UserError(
      'Input "outputs": got type=image with push-by-digest=true, which is for a build of one platform.',
      'Leave it out: the images of several platforms are pushed by digest first, and their index then gets the tags.',
    )
  if (digests.length === 0) return
  const [other] = [
    ...(platforms.length > 0 ? ['platforms'] : []),
    ...(distribute ? ['distribute'] : []),
    ...(load ? ['load'] : []),
    ...(outputs.length > 0 ? ['outputs'] : []),
  ]
  const [ofImage] = [
    ...(inputs.tests.length > 0 ? ['test'] : []),
    ...(inputs.provenance === undefined ? [] : ['provenance']),
    ...(inputs.sbom === undefined ? [] : ['sbom']),
  ]
  const name = other ?? ofImage
  if (name === undefined) return
  throw new UserError(
    `Input "${name}": has no place beside "digests", with which nothing is built.`,
    other === undefined
      ? `Move \`${name}\` to the steps that build the images, and remove it here.`
      : `Remove \`${name}\`, or \`digests\` to build an image.`,
  )
}

/**
 * Refuses what an image of several platforms can't be, and says what `load` takes of it.
 * @throws UserError
 */
export function checkOutputs({ platforms, outputs, load }: Inputs): void {
  if (platforms.length < 2) return
  const docker = outputs.find(({ type }) => type === 'docker')
  if (docker !== undefined) {
    throw new UserError(
      `Input "outputs": type=docker,dest=${docker.dest} is an archive for one platform, and "platforms" has ${platforms.length}.`,
      `Write \`type=oci,dest=${docker.dest}\`, which holds all of them.`,
    )
  }
  if (!load) return
  const native = formatPlatform(nativePlatform())
  if (platforms.every(isForeign)) {
    throw new UserError(
      `Input "load": got true, but "platforms" doesn't have ${native}, the platform of this runner.`,
      `Add ${native} to \`platforms\`, or write \`load: false\`.`,
    )
  }
  info(`Load: takes the image for ${native}, the platform of this runner`)
}
