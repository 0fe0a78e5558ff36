import type { RepositoryAccess } from '../artifact-repository.js'
import type { Context } from '../runner/context.js'
import { openArchives } from './backends/archives.js'
import { openDirectory } from './backends/directory.js'
import { openGithub } from './backends/github.js'
import { openRegistry } from './backends/registry.js'
import { earlyWorker, type Worker } from './backends/worker.js'
import { type Cache, EMPTY_CACHE } from './cache.js'
import { lookupRefs, ownRef } from './key.js'
import { type Meeting, type MeetingKey, openMeeting } from './meeting.js'
import type { CachePlan, CacheRequest } from './plan.js'
import { decideCache } from './policy.js'

/** Opens caches by their plans. */
export interface Caches {
  /**
   * Starts what the first cache will need, before it is known what that is called.
   * @returns ends it, where no cache has taken it
   */
  prepare(request: Pick<CacheRequest, 'inputs' | 'context'>): () => void
  /**
   * Starts to look for what earlier runs have left.
   * @param stagingDir private folder of this process for what comes and goes, absolute
   */
  open(plan: CachePlan, request: CacheRequest, stagingDir: string, access: RepositoryAccess): Cache
  /** Where the steps of a run meet, by the service of the runner, whatever cache the build has. */
  openMeeting(context: Context, join: MeetingKey, stagingDir: string): Meeting
}

/** The caches of this machine. */
export function realCaches(): Caches {
  const { start, take, end } = earlyWorker()
  return {
    prepare({ inputs, context }) {
      const { kind } = decideCache(inputs.cache, { ...context, noCache: inputs.noCache })
      if (kind === 'github') start({ program: context.cacheWorker, env: context.serviceEnv })
      return end
    },
    open: (plan, request, stagingDir, access) => openCache(plan, request, { stagingDir, access, take }),
    openMeeting: (context, key, stagingDir) => openMeeting(openService(context, stagingDir), key, stagingDir),
  }
}

function openService({ cacheWorker, serviceEnv }: Context, stagingDir: string, started?: Worker) {
  return openGithub({ stagingDir, program: cacheWorker, env: serviceEnv, started })
}

/** What a cache is opened with. */
interface Means {
  readonly stagingDir: string
  readonly access: RepositoryAccess
  /** Gives the worker that was started for the first who asks. */
  readonly take: () => Worker | undefined
}

function openCache(plan: CachePlan, { inputs, context }: CacheRequest, { stagingDir, access, take }: Means): Cache {
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
  return openArchives({ ...own, backend: { kind: 'github' }, entries: openService(context, stagingDir, take()) })
}

/** Who doesn't push needs the image here, and whole. */
function usesSkeletons({ skeletons, push }: CacheRequest['inputs']): boolean {
  return skeletons === 'auto' && push
}
