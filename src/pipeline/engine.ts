import type { BuildSpec, FoundEngine, KnownEngine } from '../engine/engine.js'
import { removeLeftovers } from '../engine/leftovers.js'
import { placedName } from '../metadata/annotation-levels.js'
import type { Inputs } from '../runner/inputs.js'
import { baseImages } from './prepare/base-images.js'
import { annotationsFor } from './prepare/annotations.js'
import { loginsOfEngine } from './prepare/credentials.js'
import { type Metadata, pairsOf } from './prepare/metadata.js'
import type { FormattedSource } from './prepare/source.js'
import type { PipelineContext } from './pipeline-context.js'

/** What is known of a build before it is known what builds. */
export interface Wanted extends FormattedSource {
  readonly inputs: Inputs
  readonly metadata: Metadata
}

/** Finds what is going to build, and removes what killed steps have left as soon as there is something that can. */
export async function findEngine(
  { inputs, metadata, source }: Wanted,
  pipeline: PipelineContext,
): Promise<FoundEngine> {
  const { context, workDir, credentials, services } = pipeline
  const { references } = metadata
  const bases = baseImages(inputs, source, workDir.env).map(({ name }) => name)
  const request = {
    inputs,
    source,
    context,
    folder: workDir,
    references,
    labels: pairsOf(metadata.labels),
    insecure: credentials.insecure,
    logins: await loginsOfEngine(credentials, inputs, { references, bases }, context.env),
  }
  let unshare: readonly string[] = []
  const engine = await services.engines.find(request, (program) => {
    const { buildUser } = workDir
    if (buildUser.uid !== 0) unshare = [...buildUser.prefix, program, 'unshare']
    services.remember({ unshare, keepStorage: context.ephemeral })
  })
  await removeLeftovers(workDir, unshare, context)
  return engine
}

/** What is built, as it depends on what builds it. */
export function specify(
  { inputs, metadata, source, format }: Wanted,
  engine: Pick<KnownEngine, 'takesDefaultAnnotations'>,
): BuildSpec {
  const { references, labels, leveled } = metadata
  const [platform, ...others] = inputs.platforms
  const annotations =
    platform === undefined || others.length > 0 ? metadata.annotations : annotationsFor(metadata, platform)
  // An engine that builds several platforms at once sets these, too.
  const ofLevels = others.length > 0 ? leveled.map((one) => ({ name: placedName(one), value: one.value })) : []
  // The default annotations are left out where an image has no place for them.
  const isWorthIt = inputs.annotations.length > 0 || engine.takesDefaultAnnotations
  return {
    inputs,
    source,
    format,
    references,
    labels: pairsOf(labels),
    annotations: format === 'oci' && isWorthIt ? [...pairsOf(annotations), ...ofLevels] : [],
  }
}
