import { mkdtemp } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Cache, EMPTY_CACHE, type RestoredStorage } from '../cache/cache.js'
import { openArchives } from '../cache/backends/archives.js'
import { openDirectory } from '../cache/backends/directory.js'
import { openGithub } from '../cache/backends/github.js'
import { lookupRefs, type Scope, scopeOf } from '../cache/key.js'
import { cacheRepositories, type CacheDecision, decideCache } from '../cache/policy.js'
import type { Context } from '../runner/context.js'
import { digestCopied } from '../source/copied-digests.js'
import { forgettable } from '../dockerfile/cache-key-gaps.js'
import { targetIndex } from '../dockerfile/dockerfile.js'
import { type StageKeys, stepKeys, type StepInputs } from '../dockerfile/step-keys.js'
import type { BuildRequest } from '../engine/engine.js'
import { keepForSelf } from '../engine/keeper.js'
import { type WorkDir, PREFIX, privateRoot } from '../engine/work-dir.js'
import { formatReference, type Reference } from '../metadata/reference.js'
import type { Inputs } from '../runner/inputs.js'
import { info, warn } from '../log.js'
import { platform } from '../lib/platform.js'
import type { Source } from '../source/source.js'
import type { OciLayout, ContainersStorage } from '../build-storage.js'
import { type Building, untrackedInput, stepInputsOf } from '../up-to-date/step-inputs.js'
import { formatBytes, formatCount } from '../lib/format.js'

/** What the cache of a build depends on, before it is known what builds. */
export interface CacheRequest {
  readonly inputs: Inputs
  readonly context: Context
  readonly folder: WorkDir
  readonly references: readonly Reference[]
}

/** Which cache a build has, and under which name. */
export interface CachePlan {
  readonly decision: CacheDecision
  readonly scope: Scope
}

/** A cache that looks already for what earlier runs have left. */
export interface PendingCache extends CachePlan {
  readonly cache: Cache
  /** Private folder of this process for what comes and goes; undefined where nothing does. */
  readonly stagingDir: string | undefined
}

/** A cache with a root that can be built in. */
export interface RestoredCache extends PendingCache {
  readonly warm: RestoredStorage
  readonly keys: readonly StageKeys[]
  readonly remote: BuildRequest['remote']
  /** Whether the engine may take steps of earlier builds, and shall keep those of this one. */
  readonly access: BuildRequest['cache']
}

/** Decides on the cache, and says so. */
function decideOnCache({ inputs, context, references }: Omit<CacheRequest, 'folder'>): CachePlan {
  const decision = decideCache(inputs.cache, { ...context, noCache: inputs.noCache })
  for (const note of decision.notes) info(note)
  const scope = scopeOf({
    scope: inputs.cache.scope,
    images: [...new Set(references.map((reference) => formatReference(nameOf(reference))))],
    ...{ context: inputs.context, file: inputs.file, target: inputs.target },
    ...{ platform: platform(), repository: context.event.repository },
  })
  return { decision, scope }
}

/** The same decision, with a cache that has nothing and keeps nothing. */
export function pretendCache(request: CacheRequest): PendingCache {
  return { ...decideOnCache(request), cache: EMPTY_CACHE, stagingDir: undefined }
}

/** Starts to look for what earlier runs have left. */
export async function startCache(request: CacheRequest): Promise<PendingCache> {
  const { folder } = request
  const { decision, scope } = decideOnCache(request)
  const { kind } = decision
  if (kind !== 'github' && kind !== 'directory') return { cache: EMPTY_CACHE, decision, scope, stagingDir: undefined }
  // Beside the folder of the build, so that what goes from one to the other is only renamed.
  const stagingDir = await mkdtemp(join(dirname(folder.path), `${PREFIX}cache-`))
  await keepForSelf(stagingDir)
  return { cache: openKind(request, decision, scope.id, stagingDir), decision, scope, stagingDir }
}

function openKind(
  { inputs, context }: CacheRequest,
  decision: CacheDecision,
  scope: string,
  stagingDir: string,
): Cache {
  const { ttlMs, maxBytes, mounts, deadlineMs } = inputs.cache
  const { read, write, directory } = decision
  const common = {
    scope,
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

/** What is copied from the context, where it pays to know: a layer that can't be a hit need not be fetched, nor checked. */
export async function lookAtContext({ decision }: PendingCache, source: Source): Promise<ReadonlyMap<string, string>> {
  const isKept = decision.kind === 'github' || decision.kind === 'directory'
  return isKept && decision.read ? await digestCopied(source) : new Map()
}

/** Fills the storage with what earlier runs have left of the steps that are going to be built. */
export async function restoreCache(
  started: PendingCache,
  request: CacheRequest & Building,
  store: ContainersStorage | OciLayout,
): Promise<RestoredCache> {
  return store.kind === 'blobs' ? await openBlobs(started, request, store) : await openRoot(started, request, store)
}

/** A folder of steps for an engine that compares by itself all that they depend on. */
async function openBlobs(
  started: PendingCache,
  request: CacheRequest & Building,
  blobs: OciLayout,
): Promise<RestoredCache> {
  const { inputs, folder, references } = request
  const { cache, decision } = started
  const warm = await cache.restore(blobs, new Map(), privateRoot(folder.path))
  if (warm.staysInEngine) info('Cache: the builder keeps its steps by itself, on a machine that stays')
  else sayRestored(started, warm)
  const repositories =
    decision.kind === 'registry'
      ? cacheRepositories(inputs.cache, decision, references.map(nameOf))
      : { from: [], to: [] }
  const { read, write } = decision
  const access = { read: decision.kind !== 'off' && read, write: write && !warm.staysInEngine }
  return { ...started, warm, keys: [], remote: repositories, access }
}

/** A storage root, with what Buildah forgets to compare compared. */
async function openRoot(
  started: PendingCache,
  request: CacheRequest & Building,
  store: ContainersStorage,
): Promise<RestoredCache> {
  const { inputs, folder, references, source } = request
  const { cache, decision } = started
  const { dockerfile, target } = source
  const stepInputs = await stepInputsOf(request, store)
  const hidden = untrackedInput(inputs, source)
  const keys =
    decision.kind === 'off' || hidden !== undefined
      ? []
      : stepKeys(dockerfile, stepInputs, targetIndex(dockerfile, target))
  const known = new Map(
    keys.flatMap((stage) =>
      stage.keys.flatMap((key, index) => (key === undefined ? [] : [[key, stage.contents[index]] as const])),
    ),
  )
  const warm = await cache.restore(store, known, privateRoot(folder.path))
  if (started.stagingDir !== undefined) {
    if (hidden !== undefined) info(`Cache: all is built anew, since ${hidden} may change what is built without a trace`)
    for (const { unknown } of keys) {
      if (unknown !== undefined) info(`Cache: from line ${unknown.line} on, that stage is built anew: ${unknown.why}`)
    }
  }
  sayRestored(started, warm)
  const remote = remoteOf(inputs, decision, references, source, stepInputs)
  return { ...started, warm, keys, remote, access: { read: decision.read, write: decision.write } }
}

function sayRestored({ stagingDir, scope }: PendingCache, { restored }: RestoredStorage): void {
  if (stagingDir === undefined) return
  const { images, parts, bytes, seconds, failures } = restored
  const came = parts === 0 ? '' : `, in ${formatCount(parts, 'part')} of ${formatBytes(bytes)}`
  info(
    `Cache: ${formatCount(images, 'step')} came back${came}, in ${seconds.toFixed(1)} s; key of ${scope.text} (${scope.id})`,
  )
  for (const failure of failures) warn(`Cache: ${failure}`)
}

function remoteOf(
  inputs: Inputs,
  decision: CacheDecision,
  references: readonly Reference[],
  { dockerfile }: Source,
  stepInputs: StepInputs,
): BuildRequest['remote'] {
  if (decision.kind !== 'registry') return { from: [], to: [] }
  const repositories = cacheRepositories(inputs.cache, decision, references.map(nameOf))
  const flaw = forgettable(dockerfile, stepInputs)
  if (flaw === undefined || repositories.from.length === 0) return repositories
  info(`Cache: nothing is read from ${repositories.from.join(', ')}, since it could be stale: ${flaw}`)
  return { ...repositories, from: [] }
}

/** A reference without tag and digest: its repository. */
export function nameOf({ registry, repository }: Reference): Reference {
  return { registry, repository }
}
