import { formatPlatform, nativePlatform } from '../lib/platform.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import type { Context } from '../runner/context.js'
import type { Inputs } from '../runner/inputs.js'
import { type Scope, scopeOf } from './key.js'
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
  /** Repositories that are read, in this order, and the one that is written; of the kind `registry` only. */
  readonly repositories: { readonly from: readonly string[]; readonly to: string | undefined }
  /** Absolute path of what stays on the machine. */
  readonly directory: string | undefined
  /** Lines for the log: which cache it is and why, then what was left out of the inputs. */
  readonly notes: readonly string[]
  /** A line for the log where nothing came back. */
  readonly hint: string | undefined
}

/** What a cache depends on. */
export interface CacheRequest {
  readonly inputs: Inputs
  readonly context: Context
  /** Of the names, also where no tag is applied to them. */
  readonly repositories: readonly Reference[]
  /** Whether it is one of the stages that the images of several platforms share; absent where it is one of an image. */
  readonly isOfStages?: boolean
}

const NO_REPOSITORIES: CachePlan['repositories'] = { from: [], to: undefined }

/** Decides on the cache. Pure. @throws UserError if a registry shall keep steps and nothing names a repository for it */
export function planCache({ inputs, context, repositories: names, isOfStages = false }: CacheRequest): CachePlan {
  const decision = decideCache(inputs.cache, { ...context, noCache: inputs.noCache })
  const { kind, read, write, directory, notes } = decision
  const repositories = kind === 'registry' ? cacheRepositories(inputs.cache, decision, names) : NO_REPOSITORIES
  const isNamed = inputs.cache.scope !== undefined || names.length > 0
  const scope = scopeOf({
    scope: inputs.cache.scope,
    images: names.map(formatReference),
    context: inputs.context,
    file: inputs.file,
    target: inputs.target,
    platform: platformOf(inputs),
    isOfStages,
    // Who gives one name to what several repositories build shares its layers in a registry; "." names nothing.
    repository: kind === 'registry' && isNamed ? '' : context.event.repository,
  })
  return {
    kind,
    scope,
    read,
    write,
    isStored: kind !== 'off',
    writesLayers: kind === 'github' || kind === 'registry',
    repositories,
    directory,
    notes: [...notes.slice(0, 1), ...placesOf(repositories), ...notes.slice(1)],
    hint:
      inputs.push && kind === 'directory' && inputs.cache.kind === 'auto' && context.inPod ? hintFor(names) : undefined,
  }
}

/** Where a cache in a registry lies, a line each. */
function placesOf({ from, to }: CachePlan['repositories']): string[] {
  const others = from.filter((name) => name !== to)
  return [...(to === undefined ? [] : [`  in ${to}`]), ...others.map((name) => `  in ${name}, read only`)]
}

/** What would keep the layers of a pod. */
function hintFor(images: readonly Reference[]): string {
  const { to = '' } = cacheRepositories({ from: [], to: undefined }, { read: true, write: true }, images)
  return `Cache: a folder of a pod ends with the pod, unless it is a volume; \`cache: registry\` would keep the layers in ${to}`
}

/** Where one builder builds several platforms, they share a scope. */
function platformOf({ platforms }: Inputs): string {
  return (platforms.length > 0 ? platforms : [nativePlatform()]).map(formatPlatform).join(',')
}
