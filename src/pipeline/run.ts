import { keepForRunner } from '../engine/keeper.js'
import { makeWorkDir, removeSecrets } from '../engine/work-dir.js'
import { formatPlatform } from '../lib/platform.js'
import { warn } from '../log.js'
import type { Context } from '../runner/context.js'
import type { Inputs } from '../runner/inputs.js'
import { isForeign, targetPlatform } from '../runner/platform-inputs.js'
import { withGitContexts } from '../source/source.js'
import { declareArtifacts } from './attestations/artifacts.js'
import { checkBasePlatforms } from './platforms/base-platforms.js'
import { readCredentials } from './prepare/credentials.js'
import { withConfigured } from './prepare/insecure-registries.js'
import { tagged, untagged } from './push/destination.js'
import { type Leg, legOf } from './join/distribute.js'
import { findEngine, type Wanted } from './engine.js'
import { settleAttest } from './attestations/check-attest.js'
import { checkDigests, checkOutputs } from './platforms/check-platform-inputs.js'
import { makeImage } from './build/make-image.js'
import { type Metadata, resolveMetadata } from './prepare/metadata.js'
import { shown } from './phases.js'
import type { PipelineContext, Services, Surroundings } from './pipeline-context.js'
import { imageDigest, type Made, type Result } from './result.js'
import { fetchSource, findLocalSource, type FormattedSource } from './prepare/source.js'
import { PushError } from './push/push.js'
import { type RunState, startRun } from './run-record.js'
import { withCache } from './cache/start-cache.js'
import { settleTimestamp, withEpochArgument } from './prepare/timestamp.js'

/** What is asked for. */
interface Asked {
  readonly inputs: Inputs
  readonly metadata: Metadata
  /** Undefined where this step is all that builds the image. */
  readonly leg: Leg | undefined
}

/** What is known when nothing has been made yet. */
interface Request extends Asked {
  /** Undefined where the context has to be fetched first. */
  readonly local: FormattedSource | undefined
}

/**
 * The whole pipeline, from inputs to a pushed image.
 * @param runState gets what is known of the run, also of one that fails
 * @throws UserError for what the user can fix
 */
export async function run(
  given: Inputs,
  context: Context,
  services: Services,
  runState: RunState = startRun(services),
): Promise<Result> {
  for (const text of given.warnings) warn(text)
  // What only joins images, or tells what would be done, needs no cache.
  const needsCache = !given.dryRun && given.digests.length === 0
  const dismiss = needsCache ? services.caches.prepare({ inputs: given, context }) : undefined
  try {
    return await runPrepared(given, context, services, runState)
  } finally {
    dismiss?.()
  }
}

async function runPrepared(given: Inputs, context: Context, services: Services, runState: RunState): Promise<Result> {
  const able = settleAttest(given, context, services)
  const asked = await settleTimestamp(withGitContexts(able, context.event), context)
  checkDigests(asked)
  const leg = legOf(asked, context)
  const inputs = leg === undefined ? asked : { ...asked, platforms: [...leg.own] }
  checkOutputs(inputs)
  const metadata = await resolveMetadata(inputs, context)
  const credentials = await readCredentials(inputs, context, metadata)
  const there = { context, credentials, services, record: runState.record, timeline: shown(runState.timeline) }
  there.record.add({ metadata })
  const made = await (inputs.digests.length > 0 ? join : make)({ inputs, metadata, leg }, there).catch(
    notingPushed(there),
  )
  there.record.add(made)
  if (inputs.artifacts) await declareArtifacts(made.pushed, context.artifacts)
  const verifications = inputs.attest === 'false' || inputs.dryRun ? [] : await attest(made, inputs, there)
  return { ...made, verifications, phases: there.timeline.phases() }
}

/** What of a push that failed has arrived is there all the same. */
function notingPushed({ record }: Pick<Surroundings, 'record'>): (error: unknown) => never {
  return (error) => {
    if (error instanceof PushError) record.add({ pushed: error.pushed })
    throw error
  }
}

async function attest(made: Made, inputs: Inputs, there: Surroundings): Promise<string[]> {
  const { signPushed } = await import('./attestations/sign-pushed.js')
  const configured = await withConfigured(there, { inputs, metadata: made.metadata })
  return await there.timeline.during('attest', () => signPushed(made, inputs, configured))
}

async function join(request: Asked, there: Surroundings): Promise<Made> {
  const { joinDigests } = await import('./join/join-digests.js')
  const configured = await withConfigured(there, request)
  return await there.timeline.during('index', () => joinDigests(request, configured))
}

async function make(asked: Asked, there: Surroundings): Promise<Made> {
  const { inputs } = asked
  const { context, services } = there
  const local = await findLocalSource(inputs, context)
  const buildUser = await services.engines.chooseBuildUser(inputs, context)
  const workDir = await makeWorkDir(buildUser, context)
  services.remember({ folder: workDir.path, unshare: buildUser.prefix })
  try {
    const pipeline = await withConfigured({ ...there, workDir }, asked, workDir)
    return await (inputs.dryRun ? preview : execute)({ ...asked, local }, pipeline)
  } finally {
    await removeSecrets(workDir.path)
    await keepForRunner(workDir.path)
  }
}

async function execute(request: Request, pipeline: PipelineContext): Promise<Made> {
  const { inputs, leg } = request
  const isOne = inputs.platforms.length < 2 && leg === undefined
  return await (isOne ? buildOne : buildPlatforms)(request, pipeline)
}

async function buildOne(request: Request, pipeline: PipelineContext): Promise<Made> {
  const platform = targetPlatform(request.inputs)
  pipeline.record.add({ platform })
  const made = await withCache(request, pipeline, async (cache) => {
    const wanted = await want(request, pipeline)
    const findIt = async () => {
      const found = await pipeline.timeline.during('setup', () => findEngine(wanted, pipeline))
      if (isForeign(platform)) await checkBasePlatforms(wanted, found, pipeline)
      return found
    }
    const destination = (request.inputs.byDigest ? untagged : tagged)(wanted.metadata.references)
    return await makeImage(wanted, { cache, findEngine: findIt, destination, tellsChecks: true }, pipeline)
  })
  const [pushed] = made.pushed
  const platformDigests = pushed === undefined ? {} : { [formatPlatform(platform)]: imageDigest(pushed) }
  return { ...made, platforms: [], platformDigests }
}

async function buildPlatforms(request: Request, pipeline: PipelineContext): Promise<Made> {
  const { leg } = request
  const wanted = await want(request, pipeline)
  // Most images are of one platform.
  const { makePlatforms } = await import('./platforms/platforms.js')
  if (leg === undefined) return await makePlatforms(wanted, pipeline)
  const { meetLegs } = await import('./join/meet-legs.js')
  return await makePlatforms(wanted, pipeline, (own, ...rest) => meetLegs(leg, own, ...rest))
}

async function preview(request: Request, pipeline: PipelineContext): Promise<Made> {
  const { dryRun } = await import('./dry-run.js')
  return await dryRun(await want(request, pipeline), pipeline)
}

/** All that is asked for, with what it is built of. */
async function want({ inputs, metadata, local }: Request, { context, workDir }: PipelineContext): Promise<Wanted> {
  const found = local ?? (await fetchSource(inputs, context, workDir))
  return { ...found, inputs: withEpochArgument(inputs, found.source.dockerfile), metadata }
}
