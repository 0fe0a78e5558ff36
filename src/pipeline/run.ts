import { keepForRunner } from '../engine/keeper.js'
import { makeWorkDir, removeSecrets } from '../engine/work-dir.js'
import { warn } from '../log.js'
import { startTimeline } from '../report/timeline.js'
import type { Context } from '../runner/context.js'
import type { Inputs } from '../runner/inputs.js'
import { withGitContexts } from '../source/source.js'
import { startWatch } from '../up-to-date/watch.js'
import { readCredentials } from './credentials.js'
import { dryRun } from './dry-run.js'
import { findEngine, specify, type Wanted } from './engine.js'
import { type Metadata, resolveMetadata } from './metadata.js'
import { shown } from './phases.js'
import { openRegistries, type PipelineContext, type Services } from './pipeline-context.js'
import { produce } from './produce.js'
import { type Result, reusedResult } from './result.js'
import { settleFormat } from './settle-format.js'
import { fetchSource, findLocalSource, type FormattedSource } from './source.js'
import { sayTimestamp, settleTimestamp, withEpochArgument } from './timestamp.js'
import { lookAtContext, type PendingCache, startCache } from './start-cache.js'

/** What is known when nothing has been made yet. */
interface Request {
  readonly inputs: Inputs
  readonly metadata: Metadata
  /** Undefined where the context has to be fetched first. */
  readonly local: FormattedSource | undefined
}

/**
 * The whole pipeline, from inputs to a pushed image.
 * @throws UserError for what the user can fix
 */
export async function run(given: Inputs, context: Context, services: Services): Promise<Result> {
  for (const text of given.warnings) warn(text)
  const inputs = await settleTimestamp(withGitContexts(given, context.event), context)
  const metadata = await resolveMetadata(inputs, context)
  const credentials = await readCredentials(inputs, context, metadata)
  const local = await findLocalSource(inputs, context)
  const buildUser = await services.engines.chooseBuildUser(inputs, context)
  const workDir = await makeWorkDir(buildUser, context)
  services.remember({ folder: workDir.path, unshare: buildUser.prefix })
  const timeline = shown(startTimeline(services.clock))
  const pipeline = { context, workDir, credentials, services, timeline }
  try {
    return await (inputs.dryRun ? preview : execute)({ inputs, metadata, local }, pipeline)
  } finally {
    await removeSecrets(workDir.path)
    await keepForRunner(workDir.path)
  }
}

async function execute(request: Request, pipeline: PipelineContext): Promise<Result> {
  const { inputs, metadata } = request
  const { context } = pipeline
  const cache = await startCache({ inputs, context, references: metadata.references }, pipeline)
  try {
    const found = request.local ?? (await fetchSource(inputs, context, pipeline.workDir))
    const timed = withEpochArgument(inputs, found.source.dockerfile)
    const result = await build({ ...found, inputs: timed, metadata }, cache, pipeline)
    return { ...result, phases: pipeline.timeline.phases() }
  } finally {
    await cache.cache.close()
    if (cache.stagingDir !== undefined) await keepForRunner(cache.stagingDir)
  }
}

/** Takes the image of an earlier run, or builds one. */
async function build(wanted: Wanted, cache: PendingCache, pipeline: PipelineContext): Promise<Omit<Result, 'phases'>> {
  const { metadata, source } = wanted
  const watch = startWatch(wanted, cache, pipeline.context, pipeline.workDir.env)
  if (watch !== undefined) pipeline.services.registries.load()
  const copied = watch?.copied ?? lookAtContext(cache, source)
  const engine = await pipeline.timeline.during('setup', () => findEngine(wanted, pipeline))
  const spec = specify(wanted, engine, cache.plan)
  const comparison = await watch?.compare(spec, metadata.ofCommit, engine, (insecure) =>
    openRegistries(pipeline, insecure),
  )
  try {
    const same = await comparison?.find()
    if (same !== undefined) return reusedResult(same, metadata, engine.engine, cache.cache.requests())
    sayTimestamp(wanted.inputs, source.dockerfile)
    const format = await settleFormat(wanted, engine, pipeline)
    const settled = specify({ ...wanted, format }, engine, cache.plan)
    const produced = await produce(settled, { engine, cache, copied, comparison }, pipeline)
    return { ...produced, metadata, built: true }
  } finally {
    comparison?.close()
  }
}

async function preview({ inputs, metadata, local }: Request, pipeline: PipelineContext): Promise<Result> {
  const found = local ?? (await fetchSource(inputs, pipeline.context, pipeline.workDir))
  return await dryRun({ ...found, inputs: withEpochArgument(inputs, found.source.dockerfile), metadata }, pipeline)
}
