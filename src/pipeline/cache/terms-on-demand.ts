import type { BuildSpec } from '../../engine/engine.js'
import { describeInLine } from '../../errors.js'
import { digestBases, type NamedBases, namedBases, type Unknown } from '../../up-to-date/base-digests.js'
import { baseImages } from '../prepare/base-images.js'
import { openRegistries, type PipelineContext, type RegistriesOnDemand } from '../pipeline-context.js'
import type { Prepared } from '../build/prepared.js'
import type { Restoring } from './restore-cache.js'
import { skeletonTerms } from './skeleton-terms.js'

/** What tells, when the keys of the steps are known, which layers may come back as skeletons. */
export function termsOnDemand(
  spec: BuildSpec,
  prepared: Prepared,
  pipeline: PipelineContext,
  { open }: RegistriesOnDemand,
): NonNullable<Restoring['terms']> {
  const asked = { registries: open, bases: () => findBases(spec, prepared, pipeline) }
  return (keys, store) => skeletonTerms(spec, store, keys, asked)
}

/** The base images as their registries have them now. Never rejects. */
async function findBases(
  { inputs, source }: BuildSpec,
  { engine, comparison }: Prepared,
  pipeline: PipelineContext,
): Promise<NamedBases | Unknown> {
  if (comparison !== undefined) return await comparison.bases()
  try {
    const baseNames = await engine.resolveNames(baseImages(inputs, source, engine.env).map(({ name }) => name))
    const registries = await openRegistries(pipeline, baseNames.insecure)
    const bases = await digestBases(baseNames, engine, registries).finally(() => {
      registries.close()
    })
    return 'why' in bases ? bases : namedBases(baseNames, bases.digests)
  } catch (error) {
    return { why: `could not look up a base image: ${describeInLine(error)}` }
  }
}
