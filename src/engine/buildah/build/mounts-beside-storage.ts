import { getsWrong, KNOWN_WRONG } from '../../../dockerfile/known-wrong.js'
import { mountTarget, readMounts } from '../../../dockerfile/mounts.js'
import { UserError } from '../../../errors.js'
import { quote } from '../../../lib/quote.js'
import type { BuildRequest } from '../../engine.js'
import type { BuildSetup } from './build-paths.js'

/**
 * Refuses a mount of RUN whose target begins with the same folder as the storage. To remove the target after the RUN, an
 * old Buildah takes its path from the root file system, and that path from the image: with a storage in `/tmp/x`, it removes
 * `/a` for a mount on `/tmp/a`, and the whole image for one on `/tmp`. Pure.
 * @param setup with the storage root as the build sees it
 * @throws UserError
 */
export function refuseMountsBesideStorage(
  { source }: Pick<BuildRequest, 'source'>,
  { buildah: { version }, root }: Pick<BuildSetup, 'buildah' | 'root'>,
): void {
  if (!getsWrong('mountBesideStorage', version)) return
  const { until } = KNOWN_WRONG.mountBesideStorage
  const shared = firstFolder(root)
  for (const instruction of source.dockerfile.stages.flatMap(({ instructions }) => instructions)) {
    const target = readMounts(instruction)
      .map(({ text }) => mountTarget(text))
      .find((path) => firstFolder(path) === shared)
    if (target === undefined) continue
    throw new UserError(
      `Dockerfile line ${instruction.line}: a mount on ${quote(target)} makes Buildah ${version} remove other files of the image, since its storage is in ${quote(`/${String(shared)}`)}, too: ${root}.`,
      `Build in a sandbox, where the storage has another path, or use Buildah ${until} or later (\`buildah-version: '>=${until}'\`).`,
    )
  }
}

/** Undefined for a path that isn't absolute, or where a variable tells which it is. */
function firstFolder(path: string): string | undefined {
  const first = path.startsWith('/') ? path.split('/').find((name) => name !== '' && name !== '.') : undefined
  return first?.includes('$') === true ? undefined : first
}
