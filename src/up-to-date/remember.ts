import { otherThanExpected, otherThanLookedUp } from './base-digests.js'
import { listDockerLayers } from './docker-layers.js'
import { firstDifference } from './fingerprint.js'
import { areShown, hasTriggers, type JustBuilt, sizeOf } from './just-built.js'
import { findFault } from './proof.js'
import { addRemembered, formatRemembered, repositoriesOf } from './build-record.js'
import { type ComparisonRequest, limitsOf } from './request.js'
import { fingerprint } from './current-fingerprint.js'
import { askBases, type Watched } from './watched.js'

/** Leaves word of a build; or says why not, as a sentence without its full stop. */
export async function rememberBuild(
  built: JustBuilt,
  watched: Watched,
  request: ComparisonRequest,
): Promise<string | undefined> {
  const before = await watched.wholly
  if ('why' in before) return before.why
  if (built.pushed.length === 0) return 'no image was pushed'
  if (!areShown(built)) return "the engine didn't print its steps, and a base image may add some (ONBUILD)"
  if (hasTriggers(built)) return 'a base image adds instructions (ONBUILD)'
  const { choices } = before.bases
  const other = choices.length === 0 ? undefined : otherThanExpected(choices, await built.imageNames())
  if (other !== undefined) return other
  const fault = await faultOf(built, watched, request)
  if (fault !== undefined) return fault
  const strange = otherThanLookedUp(built.bases ?? [], before.bases.digests)
  if (strange !== undefined) return strange
  // A tag may have moved while its image was pulled: then nobody knows which one it was.
  const bases = await askBases(request)
  const after = 'why' in bases ? bases : await fingerprint(request, bases.digests)
  if ('why' in after) return after.why
  const difference = firstDifference(before.fingerprint, after)
  if (difference !== undefined) return `changed during the build: ${difference}`
  const limits = limitsOf(request)
  const { fingerprint: parts } = before
  const said = request.ofCommit.values
  const made = { ...sizeOf(built), builtAt: limits.now, fingerprint: parts, places: repositoriesOf(built.pushed), said }
  const isTaken = await request.note.write(formatRemembered(addRemembered(await watched.builds, made, limits)))
  return isTaken ? undefined : "this run couldn't write to the cache"
}

async function faultOf(
  { fault, blobs, pushed }: JustBuilt,
  { wholly }: Watched,
  request: ComparisonRequest,
): Promise<string | undefined> {
  if (blobs === undefined) return fault
  const { inspection, registries } = request
  return await findFault(() => listDockerLayers(blobs, inspection.ownCopies, pushed, registries), wholly, request)
}
