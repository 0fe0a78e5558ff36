import type { Engine } from '../../engine.js'
import { openDigestPusher } from './push-by-digest.js'
import { imagePusher } from './push-image.js'
import type { BuildahSetup } from '../setup.js'

/**
 * Pushes images, by a tag or by digest.
 * @param isFormatFree whether nobody has asked for a format, nor for what only OCI's has
 */
export function openPusher(setup: BuildahSetup, isFormatFree: () => boolean): Pick<Engine, 'push' | 'pushByDigest'> {
  const { files, insecure } = setup
  const push = imagePusher(setup, isFormatFree)
  return {
    async push(image, reference, env) {
      const digest = await push(image, { reference, named: reference, auth: files.auth, insecure, env })
      return { reference, digest }
    },
    ...openDigestPusher(setup, push),
  }
}
