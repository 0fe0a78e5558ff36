import type { Unknown } from './base-digests.js'
import { differingSayings, type Fingerprint } from './fingerprint.js'
import { differenceFrom, inTime, isOther, type RememberedBuild } from './build-record.js'
import { type ComparisonRequest, limitsOf } from './request.js'
import type { Watched } from './watched.js'
import { takeRelabelled, takeSame, type Unchanged } from './reuse.js'

/** The image of an earlier run under all references; or the rest of a sentence that says why it is built. */
export async function findSame(
  { builds: all, partly, wholly }: Watched,
  request: ComparisonRequest,
): Promise<Unchanged | Unknown> {
  const builds = inTime(await all, limitsOf(request))
  // Who remembers nothing need not wait for what was to be compared, nor who sees a difference already.
  if (builds.length === 0) {
    const isOld = (await all).length > 0
    return {
      why: isOld
        ? 'not checked; all build records are older than `cache-ttl`'
        : 'not checked; there is no build record yet',
    }
  }
  const local = await partly
  if (!('why' in local) && builds.every((one) => isOfNoUse(one, local))) return { why: differenceFrom(builds, local) }
  const now = await wholly
  if ('why' in now) return { why: `not checked; ${now.why}` }
  const same = builds.find((one) => !isOther(now.fingerprint)(one))
  if (same !== undefined) return await takeSame(same, now.fingerprint, request)
  const other = builds.find((one) => !isOfNoUse(one, now.fingerprint))
  if (other === undefined) return { why: differenceFrom(builds, now.fingerprint) }
  return await takeRelabelled(other, now.fingerprint, await all, request)
}

/** Whether a build is neither the same nor one whose image only says something else of itself. */
function isOfNoUse({ fingerprint: before }: RememberedBuild, now: Fingerprint): boolean {
  return isOther(now)({ fingerprint: before }) && differingSayings(before, now).length === 0
}
