import { acceptPushed } from './accepted-pushes.js'
import { baseImages } from './base-images.js'
import { settleFormat } from './base-settings.js'
import { buildAndSave } from './build.js'
import type { Context } from '../runner/context.js'
import { chooseBuilder } from '../engine/build-user.js'
import type { BuildRequest, Engine, EngineFacts, ResolvedEngine, Image, Pushed } from '../engine/engine.js'
import { keepForRunner } from '../engine/keeper.js'
import type { Step } from '../engine/progress.js'
import { makeWorkDir, removeSecrets } from '../engine/work-dir.js'
import { parseGitContext } from '../source/git-url.js'
import { tellingHeldDigests } from './held-digests.js'
import { listLabels } from '../metadata/labels.js'
import { formatReference } from '../metadata/reference.js'
import type { Inputs } from '../runner/inputs.js'
import { info, warn } from '../log.js'
import { login, loginRegistry } from './login.js'
import { asBuilt, type ImageNames, nameImage } from './metadata.js'
import { shown } from './phases.js'
import {
  accessOf,
  annotationsFor,
  findEngineFor,
  findSourceOf,
  type Plan,
  prepare,
  requestOf,
  withRegistries,
} from './prepare.js'
import type { Registries } from '../registry/client.js'
import { warnOfReplacedLinks } from './replaced-links.js'
import { type CacheReport, NO_CACHE_REPORT, reportUnchanged, withRequests } from '../report/cache-stats.js'
import { type Phase, startTimeline, type Timeline } from '../report/timeline.js'
import { withGitContexts } from '../source/source.js'
import type { Remember } from '../runner/state.js'
import type { ContainersStorage } from '../build-storage.js'
import type { Comparison, Unchanged } from '../up-to-date/check.js'
import { listLayers } from '../up-to-date/copied-layers.js'
import { startWatch } from '../up-to-date/watch.js'
import {
  type CacheRequest,
  type CachePlan,
  lookAtContext,
  type RestoredCache,
  restoreCache,
  pretendCache,
  startCache,
  type PendingCache,
} from './restore-cache.js'

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

/**
 * The whole pass, from inputs to a pushed image.
 * @param remember gets what `post` must know, as soon as it is so; what it got before stays
 * @throws UserError for what the user can fix
 */
export async function run(given: Inputs, context: Context, remember: Remember): Promise<Result> {
  for (const text of given.warnings) warn(text)
  const inputs = withGitContexts(given, context.event)
  const names = await nameImage(inputs, context)
  const registry = loginRegistry(inputs, names)
  const git = parseGitContext(inputs.context)
  const local = git === undefined ? await prepare(inputs, context.workspace) : undefined
  const access = await accessOf(inputs, context, names, registry)

  const { buildUser, buildahUnavailable } = await chooseBuilder(inputs, context)
  const folder = await makeWorkDir(buildUser, context)
  remember({ folder: folder.path, unshare: buildUser.prefix })
  const plan = { inputs, context, folder, names, registry, access, local, git, buildahUnavailable }
  try {
    return inputs.dryRun ? await dryRun(plan, remember) : await execute(plan, remember)
  } finally {
    await removeSecrets(folder.path)
    await keepForRunner(folder.path)
  }
}

async function execute(plan: Plan, remember: Remember): Promise<Result> {
  const timeline = shown(startTimeline(Date.now))
  const started = await startCache(requestOf(plan))
  remember({ stagingDir: started.stagingDir })
  try {
    const { source, format } = await findSourceOf(plan)
    const watch = startWatch(plan, source, started)
    const looking = watch?.copied ?? lookAtContext(started, source)
    const found = await timeline.during('setup', () => findEngineFor(plan, source, remember))
    const { names } = plan
    const annotations = annotationsFor(plan, format, found, started)
    const asked = { ...requestOf(plan), annotations, source, format }
    const comparison = await watch?.compare({ ...asked, ofCommit: names.ofCommit }, found, plan.access)
    try {
      const same = await comparison?.find()
      if (same !== undefined) return { ...resultOf(same, names, started, found.engine), phases: timeline.phases() }
      const building = await inItsFormat(asked, plan, started, found)
      const built = await buildAndPush(building, { plan, started, found, looking, comparison, timeline, remember })
      return { ...built, built: true, names, phases: timeline.phases() }
    } finally {
      comparison?.close()
    }
  } finally {
    await started.cache.close()
    if (started.stagingDir !== undefined) await keepForRunner(started.stagingDir)
  }
}

/** What is asked for, in the format that the base images want it in. */
async function inItsFormat(asked: Asked, plan: Plan, started: CachePlan, found: ResolvedEngine): Promise<Asked> {
  const format = await settleFormat(plan, asked, found)
  return { ...asked, format, annotations: annotationsFor(plan, format, found, started) }
}

type Asked = CacheRequest & Omit<BuildRequest, 'onSteps' | 'images' | 'remote' | 'cache'>
type Produced = Omit<Result, 'names' | 'built' | 'phases'>

/** What a build is made with. */
interface Stages {
  readonly plan: Plan
  readonly started: PendingCache
  readonly found: ResolvedEngine
  readonly looking: Promise<ReadonlyMap<string, string>>
  readonly comparison: Comparison | undefined
  readonly timeline: Timeline
  readonly remember: Remember
}

/** Builds and pushes, in a storage that has what earlier runs have left. */
async function buildAndPush(asked: Asked, means: Stages): Promise<Produced> {
  const { started, found, looking, timeline } = means
  const copied = await looking
  const [opened] = await Promise.all([
    timeline.during('restore', () => restoreCache(started, { ...asked, copied }, found.store)),
    started.decision.kind === 'github' ? found.tryOut() : undefined,
  ])
  return await withRegistries(means.plan, async (open) => {
    const engine = tellingHeldDigests(acceptPushed(await found.configure(opened.warm.root), open), open)
    try {
      return await buildAndPushWith(engine, asked, opened, { ...means, open })
    } finally {
      await engine.close()
    }
  })
}

async function buildAndPushWith(
  engine: Engine,
  asked: Asked,
  opened: RestoredCache,
  { plan, started, found, comparison, timeline, remember, open }: Stages & { readonly open: () => Promise<Registries> },
): Promise<Produced> {
  const { inputs, folder } = plan
  const images = baseImages(inputs, asked.source, folder.env)
  const { root } = opened.warm
  const { store } = found
  let listed: { readonly steps: readonly Step[]; readonly layers: ReturnType<typeof listLayers> } | undefined
  const list = (from: ContainersStorage, steps: readonly Step[]) => {
    if (listed?.steps !== steps) listed = { steps, layers: listLayers(from, root, steps) }
    return listed.layers
  }
  const review = async (steps: readonly Step[]) => {
    if (store.kind === 'root') await warnOfReplacedLinks(store, root, await list(store, steps), asked.source)
  }
  const check = async (steps: readonly Step[]) =>
    store.kind === 'root' ? await comparison?.check(() => list(store, steps)) : undefined
  const blobs = store.kind === 'blobs' ? { root, layout: store.layout, isKept: opened.access.write } : undefined
  const request = { ...asked, images, remote: opened.remote, cache: opened.access, review, check }
  await login(engine, plan, { references: asked.references, tryPush: async (one) => (await open()).tryPush(one) })
  const { image, ...built } = await buildAndSave(engine, request, opened, timeline, remember)
  const imageNames = () => engine.imageNames()
  const { id: imageId, bases } = image
  await comparison?.remember({ ...built, imageId, bases, keys: opened.keys, blobs, imageNames })
  const cache = withRequests(built.cache, started.cache.requests())
  await engine.writeOutputs(image, inputs)
  if (inputs.load) await engine.load(image)
  return { imageId: image.id, size: image.size, engine, ...built, cache, storageConf: engine.storageConf }
}

/** Of an image that needn't be built. */
function resultOf(
  { build, pushed }: Unchanged,
  names: ImageNames,
  { cache }: PendingCache,
  engine: EngineFacts,
): Omit<Result, 'phases'> {
  const { imageId, steps, seconds, builtAt, said } = build
  return {
    names: asBuilt(names, said),
    ...{ built: false, builtEarlier: new Date(builtAt), imageId, pushed, engine, storageConf: '', steps: [] },
    cache: reportUnchanged(steps, seconds, cache.requests()),
  }
}

/** Works out everything up to the build, and says it. */
async function dryRun(plan: Plan, remember: Remember): Promise<Result> {
  const started = pretendCache(requestOf(plan))
  const { source, format } = await findSourceOf(plan)
  const { names } = plan
  const found = await findEngineFor(plan, source, remember)
  const annotations = annotationsFor(plan, format, found, started)
  const first = { ...requestOf(plan), annotations, source, format }
  const asked = await inItsFormat(first, plan, started, found)
  const { warm, remote, access, scope } = await restoreCache(started, { ...asked, copied: new Map() }, found.store)
  const engine = await found.configure(warm.root)
  const command = engine.preview({ ...asked, images: [], remote, cache: access, onSteps: () => undefined })
  await engine.close()
  const references = names.references.map(formatReference)
  info(`Dry run: nothing is built or pushed.`)
  info(`Cache key: ${scope.text} (${scope.id})`)
  info(`References:\n${indent(references.length === 0 ? 'none' : references.join('\n'))}`)
  info(`Labels:\n${indent(listLabels(names.labels))}`)
  if (asked.annotations.length > 0) info(`Annotations:\n${indent(listLabels(names.annotations))}`)
  info(`Command:\n${indent(command)}`)
  const nothing = { built: false, imageId: '', pushed: [], steps: [], phases: [] }
  return { ...nothing, names, engine, cache: NO_CACHE_REPORT, storageConf: '' }
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ')
}
