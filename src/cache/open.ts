import type { RepositoryAccess } from '../artifact-repository.js'
import type { Context } from '../runner/context.js'
import { openArchives } from './backends/archives.js'
import { openDirectory } from './backends/directory.js'
import { openGithub } from './backends/github.js'
import { openRegistry } from './backends/registry.js'
import { type Cache, EMPTY_CACHE } from './cache.js'
import { lookupRefs, ownRef } from './key.js'
import { type Meeting, type MeetingKey, openMeeting } from './meeting.js'
import type { CachePlan, CacheRequest } from './plan.js'

/** Opens caches by their plans. */
export interface Caches {
  /**
   * Starts to look for what earlier runs have left.
   * @param stagingDir private folder of this process for what comes and goes, absolute
   */
  open(plan: CachePlan, request: CacheRequest, stagingDir: string, access: RepositoryAccess): Cache
  /** Where the steps of a run meet, by the service of the runner, whatever cache the build has. */
  openMeeting(context: Context, join: MeetingKey, stagingDir: string): Meeting
}

export const caches: Caches = {
  open: openCache,
  openMeeting(context, key, stagingDir) {
    const entries = openGithub({ stagingDir, program: context.cacheWorker, env: context.serviceEnv })
    return openMeeting(entries, key, stagingDir)
  },
}

function openCache(
  plan: CachePlan,
  { inputs, context }: CacheRequest,
  stagingDir: string,
  access: RepositoryAccess,
): Cache {
  if (!plan.isStored) return EMPTY_CACHE
  const { ttlMs, maxBytes, mounts, deadlineMs } = inputs.cache
  const { read, write, directory } = plan
  const common = {
    scope: plan.scope.id,
    stagingDir,
    refs: lookupRefs(context.event),
    read,
    write,
    mounts,
    limits: { now: context.now.getTime(), ttlMs, maxBytes, perKey: 1 },
  }
  if (directory !== undefined) return openDirectory({ ...common, directory })
  const own = { ...common, unique: context.event.unique, deadlineMs, skeletons: usesSkeletons(inputs) }
  if (plan.kind === 'registry') {
    const title = `${plan.scope.text}, ${ownRef(context.event)}`
    const where = { ...plan.repositories, title, ttlMs }
    const backend = { kind: 'registry', ...where, terms: access.terms } as const
    return openArchives({ ...own, backend, ...openRegistry({ ...where, stagingDir, access }) })
  }
  const entries = openGithub({ stagingDir, program: context.cacheWorker, env: context.serviceEnv })
  return openArchives({ ...own, backend: { kind: 'github' }, entries })
}

/** Who doesn't push needs the image here, and whole. */
function usesSkeletons({ skeletons, push }: CacheRequest['inputs']): boolean {
  return skeletons === 'auto' && push
}
