import type { Pushed } from '../engine/engine.js'
import { REVISION } from '../metadata/commit.js'
import { formatReference } from '../metadata/reference.js'
import { info } from '../log.js'
import { formatCount, formatTime } from '../lib/format.js'
import type { Unknown } from './base-digests.js'
import { differingSayings, type Fingerprint } from './fingerprint.js'
import type { Inspection } from './inspection.js'
import { addRemembered, formatRemembered, type RememberedBuild, repositoriesOf } from './build-record.js'
import { type ComparisonRequest, limitsOf } from './request.js'
import { putReferences } from './retag.js'

/** An image that needn't be built. */
export interface Unchanged {
  readonly build: RememberedBuild
  readonly pushed: readonly Pushed[]
}

/** The same build, when its image is where it is wanted; says what was compared. */
export async function takeSame(
  build: RememberedBuild,
  now: Fingerprint,
  { references, registries, inspection, ofCommit }: ComparisonRequest,
): Promise<Unchanged | Unknown> {
  const time = formatTime(new Date(build.builtAt))
  const put = await putReferences(references, build.places, registries)
  if ('why' in put)
    return { why: `no build input has changed since the build of ${time}, but its image can't be reused: ${put.why}` }
  const compared = describeCompared(now, inspection)
  info(`Unchanged: reusing the image built at ${time}; no build input has changed (${compared})`)
  const revision = build.said.get(REVISION)
  if (revision !== undefined && revision !== ofCommit.values.get(REVISION))
    info(`Unchanged: its labels name the commit it was built from: ${revision}`)
  sayTagged(put.pushed)
  return { build, pushed: put.pushed }
}

/** The same build but for labels and annotations, which its image is given in the registry; remembers it as another one. */
export async function takeRelabelled(
  build: RememberedBuild,
  now: Fingerprint,
  all: readonly RememberedBuild[],
  request: ComparisonRequest,
): Promise<Unchanged | Unknown> {
  const { references, registries, inspection, note, ofCommit, labels, annotations } = request
  const time = formatTime(new Date(build.builtAt))
  const changed = differingSayings(build.fingerprint, now).join(' and ')
  const put = await putReferences(references, build.places, registries, { labels, annotations })
  if ('why' in put)
    return { why: `only ${changed} changed since the build of ${time}, but its image can't be reused: ${put.why}` }
  const compared = describeCompared(now, inspection)
  info(
    `Unchanged: reusing the image built at ${time} with the ${changed} of this run; no other build input has changed (${compared})`,
  )
  const { pushed, imageId = build.imageId } = put
  sayTagged(pushed)
  const made = { ...build, fingerprint: now, imageId, places: repositoriesOf(pushed), said: ofCommit.values }
  // Where nothing may be written, the next run does the same once more, with the same result.
  await note.write(formatRemembered(addRemembered(all, made, limitsOf(request)))).catch(() => false)
  return { build: made, pushed }
}

/** Which tags it has now; the index of several platforms says so of itself. */
function sayTagged(pushed: readonly Pushed[]): void {
  for (const { reference, digest } of pushed)
    if (reference.tag !== undefined) info(`Tagged ${formatReference({ ...reference, digest })}`)
}

function describeCompared(now: Fingerprint, { files, images }: Inspection): string {
  return `${now.length} parts compared, with ${formatCount(files, 'context file')} and ${formatCount(images.length, 'base image')}`
}
