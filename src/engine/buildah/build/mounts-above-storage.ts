import { posix } from 'node:path'
import lt from 'semver/functions/lt.js'
import { mountOptions, readMounts } from '../../../dockerfile/mounts.js'
import { UserError } from '../../../errors.js'
import { quote } from '../../../lib/quote.js'
import type { BuildRequest } from '../../engine.js'
import type { BuildSetup } from './build-paths.js'

/** From this release on, what was there before a RUN stays where a mount was: before, it is removed after the RUN. */
const KEEPS_TARGETS_SINCE = '1.33.0'

/**
 * Refuses a mount of RUN on a folder that the storage lies in, as `/tmp` is with a storage in `/tmp/x`: an old Buildah, which
 * removes the targets of mounts, takes the whole image for that one, and goes on with an empty one. Pure.
 * @throws UserError
 */
export function refuseMountsAboveStorage(
  { source }: Pick<BuildRequest, 'source'>,
  { buildah: { version }, root }: Pick<BuildSetup, 'buildah' | 'root'>,
): void {
  if (!lt(version, KEEPS_TARGETS_SINCE)) return
  for (const instruction of source.dockerfile.stages.flatMap(({ instructions }) => instructions)) {
    const target = readMounts(instruction)
      .map(({ text }) => targetOf(text))
      .find((path) => path !== undefined && `${root}/`.startsWith(path))
    if (target === undefined) continue
    throw new UserError(
      `Dockerfile line ${instruction.line}: a mount on ${quote(target)} makes Buildah ${version} remove all files of the image, since its storage is there, too: ${root}.`,
      `Use Buildah ${KEEPS_TARGETS_SINCE} or later (\`buildah-version: '>=${KEEPS_TARGETS_SINCE}'\`), or a runner whose folder for temporary files (RUNNER_TEMP) lies elsewhere.`,
    )
  }
}

/** Absolute, with a slash at its end; undefined where it depends on something else. */
function targetOf(text: string): string | undefined {
  const options = mountOptions(text)
  const target = options.get('target') ?? options.get('dst') ?? options.get('destination') ?? ''
  return target.startsWith('/') && !target.includes('$') ? posix.join(target, '/') : undefined
}
