import { describeInLine } from '../errors.js'
import type { Layers } from './copied-layers.js'
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
  const fault = await faultOf(built, watched, request)
  if (fault !== undefined) return fault
  const strange = otherThanLookedUp(built.bases ?? [], before.bases.digests)
  if (strange !== undefined) return strange
  const limits = limitsOf(request)
  const { fingerprint: parts } = before
  const said = request.ofCommit.values
  const made = { ...sizeOf(built), builtAt: limits.now, fingerprint: parts, places: repositoriesOf(built.pushed), said }
  const isTaken = await request.note.write(formatRemembered(addRemembered(await watched.builds, made, limits)))
  return isTaken ? undefined : "this run couldn't write to the cache"
}

async function faultOf(
  { fault, blobs, pushed }: JustBuilt,
  watched: Watched,
  request: ComparisonRequest,
): Promise<string | undefined> {
  if (blobs === undefined) return fault
  const { inspection, registries } = request
  const list = () => listDockerLayers(blobs, inspection.ownCopies, pushed, registries)
  // It looks for a name in one place alone.
  return await checkBuilt({ list, imageNames: undefined }, watched, request)
}

/** What a build has left to look at. */
export interface Left {
  readonly list: () => Promise<Layers>
  /** Full names of the images in the storage that it was built in; undefined where there is none. */
  readonly imageNames: (() => Promise<ReadonlySet<string>>) | undefined
}

/**
 * Looks, after a build, whether it is made of what was read before it.
 * @returns why that isn't known, as a sentence without its full stop. Never rejects.
 */
export async function checkBuilt(
  { list, imageNames }: Left,
  watched: Watched,
  request: ComparisonRequest,
): Promise<string | undefined> {
  const [other, fault, change] = await Promise.all(
    [findOther(watched, imageNames), findFault(list, watched.wholly, request), findChange(watched, request)].map(
      (finding) => finding.catch(describeInLine),
    ),
  )
  return other ?? fault ?? change
}

/** A base image that the engine has found elsewhere. */
async function findOther({ wholly }: Watched, imageNames: Left['imageNames']): Promise<string | undefined> {
  const before = await wholly
  if ('why' in before || before.bases.choices.length === 0 || imageNames === undefined) return undefined
  return otherThanExpected(before.bases.choices, await imageNames())
}

/** What is asked for otherwise than before the build. */
async function findChange({ wholly }: Watched, request: ComparisonRequest): Promise<string | undefined> {
  const before = await wholly
  if ('why' in before) return before.why
  // A tag may have moved while its image was pulled: then nobody knows which one it was.
  const bases = await askBases(request)
  const after = 'why' in bases ? bases : await fingerprint(request, bases.digests)
  if ('why' in after) return after.why
  const difference = firstDifference(before.fingerprint, after)
  return difference === undefined ? undefined : `changed during the build: ${difference}`
}
