import type { Context } from '../runner/context.js'
import type { Inputs } from '../runner/inputs.js'
import { formatPlatform, nativePlatform } from '../lib/platform.js'
import { formatReference, type Reference, repositoryOf } from '../metadata/reference.js'
import { openArchives } from './backends/archives.js'
import { openDirectory } from './backends/directory.js'
import { openGithub } from './backends/github.js'
import { type Cache, EMPTY_CACHE } from './cache.js'
import { lookupRefs, type Scope, scopeOf } from './key.js'
import { type Meeting, type MeetingKey, openMeeting } from './meeting.js'
import { cacheRepositories, type CacheDecision, decideCache } from './policy.js'

/** Which cache a build has, under which name, and what it may do. */
export interface CachePlan {
  /** As the input `cache` names it, for messages. */
  readonly kind: CacheDecision['kind']
  readonly scope: Scope
  /** Whether steps of earlier builds may be taken, and those of this one saved. */
  readonly read: boolean
  readonly write: boolean
  /** Whether it restores a storage before the build, and remembers builds; else nothing is kept here. */
  readonly isStored: boolean
  /** Whether restoring writes whole layers, so that what the build needs else is best done meanwhile. */
  readonly writesLayers: boolean
  /** Repositories that the engine itself reads steps from and writes them to. */
  readonly repositories: { readonly from: readonly string[]; readonly to: readonly string[] }
  /** Absolute path of what stays on the machine. */
  readonly directory: string | undefined
  /** Lines for the log: which cache it is and why, then what was left out of the inputs. */
  readonly notes: readonly string[]
}

/** Opens caches by their plans. */
export interface Caches {
  /**
   * Starts to look for what earlier runs have left.
   * @param stagingDir private folder of this process for what comes and goes, absolute
   */
  open(plan: CachePlan, request: CacheRequest, stagingDir: string): Cache
  /** Where the steps of a run meet, by the service of the runner, whatever cache the build has. */
  openMeeting(context: Context, join: MeetingKey, stagingDir: string): Meeting
}

/** What a cache depends on. */
export interface CacheRequest {
  readonly inputs: Inputs
  readonly context: Context
  readonly references: readonly Reference[]
}

export const caches: Caches = {
  open: openCache,
  openMeeting(context, key, stagingDir) {
    const entries = openGithub({ stagingDir, program: context.cacheWorker, env: context.serviceEnv })
    return openMeeting(entries, key, stagingDir)
  },
}

/** Decides on the cache. Pure. @throws UserError if a registry shall keep steps and nothing names a repository for it */
export function planCache({ inputs, context, references }: CacheRequest): CachePlan {
  const decision = decideCache(inputs.cache, { ...context, noCache: inputs.noCache })
  const { kind, read, write, directory, notes } = decision
  const names = references.map(repositoryOf)
  const scope = scopeOf({
    scope: inputs.cache.scope,
    images: [...new Set(names.map(formatReference))],
    context: inputs.context,
    file: inputs.file,
    target: inputs.target,
    platform: platformOf(inputs),
    repository: context.event.repository,
  })
  return {
    kind,
    scope,
    read,
    write,
    isStored: kind === 'github' || kind === 'directory',
    writesLayers: kind === 'github',
    repositories: kind === 'registry' ? cacheRepositories(inputs.cache, decision, names) : { from: [], to: [] },
    directory,
    notes,
  }
}

/** Where one builder builds several platforms, they share a scope. */
function platformOf({ platforms }: Inputs): string {
  return (platforms.length > 0 ? platforms : [nativePlatform()]).map(formatPlatform).join(',')
}

function openCache(plan: CachePlan, { inputs, context }: CacheRequest, stagingDir: string): Cache {
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
  const entries = openGithub({ stagingDir, program: context.cacheWorker, env: context.serviceEnv })
  return openArchives({ ...common, backend: 'github', entries, unique: context.event.unique, deadlineMs })
}
