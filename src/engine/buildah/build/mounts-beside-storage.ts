import { getsWrong, KNOWN_WRONG } from '../../../dockerfile/known-wrong.js'
import { type PlacedMount, placedMounts } from '../../../dockerfile/placed-mounts.js'
import { mayComeTo } from '../../../dockerfile/variables.js'
import { UserError } from '../../../errors.js'
import { quote } from '../../../lib/quote.js'
import { analysisOf } from '../../../source/analysis.js'
import type { BuildRequest } from '../../engine.js'
import { OWN_FOLDER } from '../sandbox/shown-to-buildah.js'
import type { BuildSetup } from './build-paths.js'

/**
 * Refuses a mount of RUN whose target begins with the same folder as the storage, or may do so. To remove the target after
 * the RUN, an old Buildah takes its path from the root file system, and that path from the image: with a storage in
 * `/tmp/x`, it removes `/a` for a mount on `/tmp/a`, and the whole image for one on `/tmp`. Pure.
 * @param setup with the storage root as the build sees it
 * @throws UserError
 */
export function refuseMountsBesideStorage(
  { inputs, source }: Pick<BuildRequest, 'inputs' | 'source'>,
  { buildah: { version }, root }: Pick<BuildSetup, 'buildah' | 'root'>,
): void {
  if (!getsWrong('mountBesideStorage', version)) return
  const { until } = KNOWN_WRONG.mountBesideStorage
  const shared = firstFolder(root)
  const isBeside = ({ target }: PlacedMount) => {
    const first = firstFolder(target)
    return first.includes('$') ? root !== OWN_FOLDER && mayComeTo(first)(shared) : first === shared
  }
  const found = placedMounts(analysisOf(inputs, source.dockerfile, undefined)).find(isBeside)
  if (found === undefined) return
  const { line, target, shown } = found
  const makes = firstFolder(target).includes('$') ? 'is at a path that only the build knows, and may make' : 'makes'
  throw new UserError(
    `Dockerfile line ${line}: a mount on ${quote(shown)} ${makes} Buildah ${version} remove other files of the image, since its storage is in ${quote(`/${shared}`)}, too: ${root}.`,
    `Build in a sandbox, where the storage has another path, or use Buildah ${until} or later (\`buildah-version: '>=${until}'\`).`,
  )
}

/** Where it begins with a variable, that may come to any folder. */
function firstFolder(path: string): string {
  return (path.startsWith('/') ? path.slice(1) : path).split('/', 1)[0] ?? ''
}
