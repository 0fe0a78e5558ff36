import { mkdtemp } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Cache, coldIn, NO_CACHE, type Warm } from './cache/cache.js'
import { openDirectory } from './cache/directory.js'
import { openGithub } from './cache/github.js'
import { lookupRefs, type Scope, scopeOf } from './cache/key.js'
import { cacheRepositories, type CacheDecision, decideCache } from './cache/policy.js'
import { openRemote } from './cache/remote.js'
import type { Context } from './context.js'
import { digestCopied } from './copied.js'
import { forgettable } from './dockerfile/forgetting.js'
import { targetIndex } from './dockerfile/dockerfile.js'
import { type StageKeys, stepKeys, type Surroundings } from './dockerfile/step-keys.js'
import type { BuildRequest } from './engine/engine.js'
import { keepForSelf } from './engine/keeper.js'
import { type Folder, PREFIX, privateRoot } from './engine/storage.js'
import { formatReference, type Reference } from './image/reference.js'
import type { Inputs } from './inputs.js'
import { say, warn } from './log.js'
import { platform } from './platform.js'
import type { Source } from './source.js'
import type { Blobs, Store } from './store.js'
import { type Building, hiddenFrom, surroundingsOf } from './surroundings.js'
import { formatBytes, formatCount } from './units.js'

/** What the cache of a build depends on, before it is known what builds. */
export interface CacheRequest {
  readonly inputs: Inputs
  readonly context: Context
  readonly folder: Folder
  readonly references: readonly Reference[]
}

/** Which cache a build has, and under which name. */
export interface Decided {
  readonly decision: CacheDecision
  readonly scope: Scope
}

/** A cache that looks already for what earlier runs have left. */
export interface Started extends Decided {
  readonly cache: Cache
  /** Private folder of this process for what comes and goes; undefined where nothing does. */
  readonly desk: string | undefined
}

/** A cache with a root that can be built in. */
export interface Opened extends Started {
  readonly warm: Warm
  readonly keys: readonly StageKeys[]
  readonly remote: BuildRequest['remote']
  /** Whether the engine may take steps of earlier builds, and shall keep those of this one. */
  readonly access: BuildRequest['cache']
}

/** Decides on the cache, and says so. */
function decideOnCache({ inputs, context, references }: Omit<CacheRequest, 'folder'>): Decided {
  const decision = decideCache(inputs.cache, { ...context, noCache: inputs.noCache })
  for (const note of decision.notes) say(note)
  const scope = scopeOf({
    scope: inputs.cache.scope,
    images: [...new Set(references.map((reference) => formatReference(nameOf(reference))))],
    ...{ context: inputs.context, file: inputs.file, target: inputs.target },
    ...{ platform: platform(), repository: context.event.repository },
  })
  return { decision, scope }
}

/** The same decision, with a cache that has nothing and keeps nothing. */
export function pretendCache(request: CacheRequest): Started {
  return { ...decideOnCache(request), cache: NO_CACHE, desk: undefined }
}

/** Starts to look for what earlier runs have left. */
export async function startCache(request: CacheRequest): Promise<Started> {
  const { folder } = request
  const { decision, scope } = decideOnCache(request)
  const { kind } = decision
  if (kind !== 'github' && kind !== 'directory') return { cache: NO_CACHE, decision, scope, desk: undefined }
  // Beside the folder of the build, so that what goes from one to the other is only renamed.
  const desk = await mkdtemp(join(dirname(folder.path), `${PREFIX}cache-`))
  await keepForSelf(desk)
  return { cache: openKind(request, decision, scope.id, desk), decision, scope, desk }
}

function openKind({ inputs, context }: CacheRequest, decision: CacheDecision, scope: string, desk: string): Cache {
  const { ttlMs, maxBytes, mounts, deadlineMs } = inputs.cache
  const { read, write, directory } = decision
  const common = {
    scope,
    desk,
    refs: lookupRefs(context.event),
    read,
    write,
    mounts,
    limits: { now: context.now.getTime(), ttlMs, maxBytes, perKey: 1 },
  }
  if (directory !== undefined) return openDirectory({ ...common, directory })
  const entries = openGithub({ desk, program: context.transfer, env: context.serviceEnv })
  return openRemote({ ...common, entries, unique: context.event.unique, deadlineMs })
}

/** What is copied from the context, where it pays to know: a layer that can't be a hit need not be fetched, nor checked. */
export async function lookAtContext({ decision }: Started, source: Source): Promise<ReadonlyMap<string, string>> {
  const isKept = decision.kind === 'github' || decision.kind === 'directory'
  return isKept && decision.read ? await digestCopied(source) : new Map()
}

/** Fills the storage with what earlier runs have left of the steps that are going to be built. */
export async function openWarm(
  started: Started,
  request: CacheRequest & Building,
  store: Store | Blobs,
): Promise<Opened> {
  return store.kind === 'blobs' ? await openBlobs(started, request, store) : await openRoot(started, request, store)
}

/** A folder of steps for an engine that compares by itself all that they depend on. */
async function openBlobs(started: Started, request: CacheRequest & Building, blobs: Blobs): Promise<Opened> {
  const { inputs, folder, references } = request
  const { cache, decision } = started
  const root = privateRoot(folder.path)
  const staysThere = blobs.staysInEngine && decision.kind === 'directory'
  if (staysThere) say('Cache: the builder keeps its steps by itself, on a machine that stays')
  const warm = staysThere ? coldIn(root) : await cache.openBlobs(blobs, root)
  if (!staysThere) sayRestored(started, warm)
  const repositories =
    decision.kind === 'registry'
      ? cacheRepositories(inputs.cache, decision, references.map(nameOf))
      : { from: [], to: [] }
  const { read, write } = decision
  const access = { read: decision.kind !== 'off' && read, write: write && !staysThere }
  return { ...started, warm, keys: [], remote: repositories, access }
}

/** A storage root, with what Buildah forgets to compare compared. */
async function openRoot(started: Started, request: CacheRequest & Building, store: Store): Promise<Opened> {
  const { inputs, folder, references, source } = request
  const { cache, decision } = started
  const { dockerfile, target } = source
  const surroundings = await surroundingsOf(request, store)
  const hidden = hiddenFrom(inputs, source)
  const keys =
    decision.kind === 'off' || hidden !== undefined
      ? []
      : stepKeys(dockerfile, surroundings, targetIndex(dockerfile, target))
  const known = new Map(
    keys.flatMap((stage) =>
      stage.keys.flatMap((key, index) => (key === undefined ? [] : [[key, stage.contents[index]] as const])),
    ),
  )
  const warm = await cache.open(store, known, privateRoot(folder.path))
  if (started.desk !== undefined) {
    if (hidden !== undefined) say(`Cache: all is built anew, since ${hidden} may change what is built without a trace`)
    for (const { unknown } of keys) {
      if (unknown !== undefined) say(`Cache: from line ${unknown.line} on, that stage is built anew: ${unknown.why}`)
    }
  }
  sayRestored(started, warm)
  const remote = remoteOf(inputs, decision, references, source, surroundings)
  return { ...started, warm, keys, remote, access: { read: decision.read, write: decision.write } }
}

function sayRestored({ desk, scope }: Started, { restored }: Warm): void {
  if (desk === undefined) return
  const { images, parts, bytes, seconds, troubles } = restored
  const came = parts === 0 ? '' : `, in ${formatCount(parts, 'part')} of ${formatBytes(bytes)}`
  say(
    `Cache: ${formatCount(images, 'step')} came back${came}, in ${seconds.toFixed(1)} s; key of ${scope.text} (${scope.id})`,
  )
  for (const trouble of troubles) warn(`Cache: ${trouble}`)
}

function remoteOf(
  inputs: Inputs,
  decision: CacheDecision,
  references: readonly Reference[],
  { dockerfile }: Source,
  surroundings: Surroundings,
): BuildRequest['remote'] {
  if (decision.kind !== 'registry') return { from: [], to: [] }
  const repositories = cacheRepositories(inputs.cache, decision, references.map(nameOf))
  const flaw = forgettable(dockerfile, surroundings)
  if (flaw === undefined || repositories.from.length === 0) return repositories
  say(`Cache: nothing is read from ${repositories.from.join(', ')}, since it could be stale: ${flaw}`)
  return { ...repositories, from: [] }
}

/** A reference without tag and digest: its repository. */
export function nameOf({ registry, repository }: Reference): Reference {
  return { registry, repository }
}
