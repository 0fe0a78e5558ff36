import { join } from 'node:path'
import { buildAndKeep } from './build.js'
import type { Context } from './context.js'
import { readLogins, withoutRegistry } from './credentials.js'
import { chooseBuilder } from './engine/account.js'
import type { BuildRequest, EngineFacts, Found, Image, Pushed } from './engine/engine.js'
import { findEngine } from './engine/select.js'
import type { Step } from './engine/progress.js'
import { type Folder, makeFolder, removeSecrets } from './engine/storage.js'
import type { Pair } from './entries.js'
import type { UserError } from './errors.js'
import { chooseFormat, type Format } from './image/format.js'
import { listLabels } from './image/labels.js'
import { formatReference } from './image/reference.js'
import type { Inputs } from './inputs.js'
import { say } from './log.js'
import { login, loginRegistry } from './login.js'
import { type ByCommit, type ImageNames, nameImage, pairsOf } from './names.js'
import { shown } from './phases.js'
import { type CacheReport, NO_CACHE_REPORT, reportUnchanged, withRequests } from './report/cache-stats.js'
import { type Phase, startTimeline, type Timeline } from './report/timeline.js'
import { fetchGitContext, findSource, type GitContext, parseGitContext, type Source } from './source.js'
import type { State } from './state.js'
import type { Building } from './surroundings.js'
import type { Comparison, Unchanged } from './unchanged/comparison.js'
import {
  type CacheRequest,
  type Decided,
  lookAtContext,
  openWarm,
  pretendCache,
  startCache,
  type Started,
} from './warm.js'
import { type RegistryAccess, startWatch, type Watch } from './unchanged/watch.js'

/** What the step did. */
export interface Result {
  readonly names: ImageNames
  /** False where it was the image of an earlier run, or a dry run. */
  readonly built: boolean
  /** When an earlier run built it; undefined where this one did. */
  readonly builtEarlier?: Date
  /** '' in a dry run. */
  readonly imageId: string
  /** Of the image; undefined where that isn't known. */
  readonly size?: Image['size']
  readonly pushed: readonly Pushed[]
  readonly engine: EngineFacts
  readonly cache: CacheReport
  /** Path of a storage.conf(5) by which later steps find the image where it was built; '' where there is none. */
  readonly storageConf: string
  /** Of the build, in their order; empty where nothing was built. */
  readonly steps: readonly Step[]
  readonly phases: readonly Phase[]
}

/** What is known before it is known what builds. */
interface Plan {
  readonly inputs: Inputs
  readonly context: Context
  readonly folder: Folder
  readonly names: ImageNames
  readonly byCommit: ByCommit
  readonly registry: string
  /** Undefined where the context has to be fetched first. */
  readonly local: Prepared | undefined
  readonly git: GitContext | undefined
  /** Why nobody was found who could build with Buildah. */
  readonly obstacle: UserError | undefined
}

const REVISION = 'org.opencontainers.image.revision'

type Remember = (state: Partial<State>) => void

/**
 * The whole pass, from inputs to a pushed image.
 * @param remember gets what `post` must know, as soon as it is so; what it got before stays
 * @throws UserError for what the user can cure
 */
export async function run(inputs: Inputs, context: Context, remember: Remember): Promise<Result> {
  const { names, byCommit } = await nameImage(inputs, context)
  const registry = loginRegistry(inputs, names.references)
  const git = parseGitContext(inputs.context)
  const local = git === undefined ? await prepare(inputs, context.workspace) : undefined

  const { account, obstacle } = await chooseBuilder(inputs, context)
  const folder = await makeFolder(account, context)
  remember({ folder: folder.path })
  const plan = { inputs, context, folder, names, byCommit, registry, local, git, obstacle }
  try {
    return inputs.dryRun ? await rehearse(plan, remember) : await perform(plan, remember)
  } finally {
    await removeSecrets(folder.path)
  }
}

async function perform(plan: Plan, remember: Remember): Promise<Result> {
  const timeline = shown(startTimeline(Date.now))
  const started = await startCache(requestOf(plan))
  remember({ desk: started.desk })
  try {
    const { source, format } = await findSourceOf(plan)
    const watch = startWatch(plan, source, started)
    const looking = watch?.copied ?? lookAtContext(started, source)
    const [found, names] = await Promise.all([
      timeline.during('setup', () => findEngineFor(plan, source, remember)),
      watch === undefined ? plan.names : settleNames(plan, watch),
    ])
    const annotations = annotationsFor({ ...plan, names }, format, found, started)
    const asked = { ...requestOf({ ...plan, names }), annotations, source, format }
    const comparison = await watch?.compare({ ...asked, found, access: await accessOf(plan) })
    try {
      const same = await comparison?.find()
      if (same !== undefined) return { ...resultOf(same, started, found.engine), names, phases: timeline.phases() }
      const built = await produce(plan, { ...asked, started, found, looking, comparison, timeline, remember })
      return { ...built, built: true, names, phases: timeline.phases() }
    } finally {
      comparison?.close()
    }
  } finally {
    await started.cache.close()
  }
}

interface Production extends Omit<BuildRequest, 'onSteps' | 'remote' | 'cache'>, CacheRequest {
  readonly started: Started
  readonly found: Found
  readonly looking: Promise<ReadonlyMap<string, string>>
  readonly comparison: Comparison | undefined
  readonly timeline: Timeline
  readonly remember: Remember
}

/** Builds and pushes, in a storage that has what earlier runs have left. */
async function produce(
  { registry }: Plan,
  production: Production,
): Promise<Omit<Result, 'names' | 'built' | 'phases'>> {
  const { inputs, started, found, looking, comparison, timeline, remember } = production
  const copied = await looking
  const [opened] = await Promise.all([
    timeline.during('restore', () => openWarm(started, { ...production, copied }, found.store)),
    started.decision.kind === 'github' ? found.tryOut() : undefined,
  ])
  const engine = await found.configure(opened.warm.root)
  await login(engine, inputs, registry)
  const asked = { ...production, remote: opened.remote, cache: opened.access }
  const { image, ...built } = await buildAndKeep(engine, asked, opened, timeline, remember)
  await comparison?.remember({ ...built, imageId: image.id, keys: opened.keys })
  const cache = withRequests(built.cache, started.cache.requests())
  await engine.writeOutputs(image, inputs)
  if (inputs.load) await engine.load(image)
  return { imageId: image.id, size: image.size, engine, ...built, cache, storageConf: engine.storageConf }
}

/** Of an image that needn't be built. */
function resultOf(
  { build, pushed }: Unchanged,
  { cache }: Started,
  engine: EngineFacts,
): Omit<Result, 'names' | 'phases'> {
  const { imageId, steps, seconds, builtAt } = build
  return {
    ...{ built: false, builtEarlier: new Date(builtAt), imageId, pushed, engine, storageConf: '', steps: [] },
    cache: reportUnchanged(steps, seconds, cache.requests()),
  }
}

/** Works out everything up to the build, and says it. */
async function rehearse(plan: Plan, remember: Remember): Promise<Result> {
  const started = pretendCache(requestOf(plan))
  const { source, format } = await findSourceOf(plan)
  const watch = startWatch(plan, source, started)
  const names = watch === undefined ? plan.names : await settleNames(plan, watch)
  const found = await findEngineFor(plan, source, remember)
  const annotations = annotationsFor({ ...plan, names }, format, found, started)
  const asked = { ...requestOf({ ...plan, names }), annotations, source, format }
  const { warm, remote, access, scope } = await openWarm(started, { ...asked, copied: new Map() }, found.store)
  const engine = await found.configure(warm.root)
  const command = engine.preview({ ...asked, remote, cache: access, onSteps: () => undefined })
  const references = names.references.map(formatReference)
  say(`Dry run: nothing is built or pushed.`)
  say(`Cache key: ${scope.text} (${scope.id})`)
  say(`References:\n${indent(references.length === 0 ? 'none' : references.join('\n'))}`)
  say(`Labels:\n${indent(listLabels(names.labels))}`)
  if (annotations.length > 0) say(`Annotations:\n${indent(listLabels(names.annotations))}`)
  say(`Command:\n${indent(command)}`)
  const nothing = { built: false, imageId: '', pushed: [], steps: [], phases: [] }
  return { ...nothing, names, engine, cache: NO_CACHE_REPORT, storageConf: '' }
}

/** The names with the labels that belong to the last commit that changed what is built. */
async function settleNames({ byCommit }: Plan, { inspection }: Watch): Promise<ImageNames> {
  const { origin } = await inspection
  const names = byCommit(origin)
  if ('why' in origin && !names.labels.has(REVISION))
    say(`Labels: ${REVISION} and .created are left out, since ${origin.why}`)
  return names
}

function requestOf({ inputs, context, folder, names }: Plan): CacheRequest & Pick<Building, 'labels'> {
  return { inputs, context, folder, references: names.references, labels: pairsOf(names.labels) }
}

interface Prepared {
  readonly source: Source
  readonly format: Format
}

async function prepare(inputs: Inputs, workspace: string, folder?: string): Promise<Prepared> {
  const source = await findSource(inputs, workspace, folder)
  const format = chooseFormat(inputs.format, source.dockerfile, inputs.annotations.length > 0)
  if (format.reason !== undefined) say(`Format: ${format.reason}`)
  return { source, format }
}

/** Annotations, where the format has a place for them; those of the default, where they are no hindrance. */
function annotationsFor(
  { inputs, names }: Plan,
  format: Format['format'],
  found: Found,
  { decision }: Decided,
): readonly Pair[] {
  const isWorthIt = inputs.annotations.length > 0 || found.takesDefaultAnnotations(decision.kind)
  return format === 'oci' && isWorthIt ? pairsOf(names.annotations) : []
}

async function findSourceOf({
  inputs,
  context,
  folder,
  local,
  git,
}: Plan): Promise<{ source: Source; format: Format['format'] }> {
  const { source, format } = local ?? (await prepare(inputs, context.workspace, await fetchInto(git, folder)))
  return { source, format: format.format }
}

async function findEngineFor(plan: Plan, source: Source, remember: Remember): Promise<Found> {
  const { inputs, context, folder, names, registry, obstacle } = plan
  const { logins, insecure } = await accessOf(plan)
  const selection = {
    ...{ inputs, context, folder, source, obstacle, labels: pairsOf(names.labels), insecure },
    logins: inputs.login === undefined ? logins : withoutRegistry(logins, registry),
  }
  return await findEngine(selection, (program) => {
    const { account } = folder
    const unshare = account.uid === 0 ? [] : [...account.prefix, program, 'unshare']
    remember({ unshare, keepStorage: context.ephemeral })
  })
}

/** Who one is at which registry, and to which one may speak without TLS. */
async function accessOf({ inputs, context, names, registry }: Plan): Promise<RegistryAccess> {
  return {
    logins: await readLogins(context),
    ...(inputs.login !== undefined && { login: { registry, ...inputs.login } }),
    insecure: inputs.tlsVerify ? [] : [...new Set(names.references.map((reference) => reference.registry))],
  }
}

async function fetchInto(git: GitContext | undefined, folder: Folder): Promise<string | undefined> {
  if (git === undefined) return undefined
  say(`Fetching ${git.url} at ${git.ref}`)
  return await fetchGitContext(git, join(folder.path, 'context'), folder.account.prefix, folder.env)
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}
