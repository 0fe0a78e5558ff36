import { type BuildFacts, SLSA_V1, slsaPredicate } from '../../attestation/provenance.js'
import { inV02, SLSA_V02 } from '../../attestation/provenance-v02.js'
import type { Predicate } from '../../attestation/statement.js'
import type { BuildSpec, Evidence, ResolvedEngine } from '../../engine/engine.js'
import type { Step } from '../../engine/progress.js'
import { baseDependencies } from './base-dependencies.js'
import { commitOrigin } from './commit-origin.js'
import type { PipelineContext } from '../pipeline-context.js'
import { provenanceFacts } from './provenance-facts.js'

/** What was built by what. */
interface BuildFound {
  readonly spec: BuildSpec
  readonly resolved: ResolvedEngine
  readonly evidence: Evidence
}

/** The provenance of what was just built, in the version that is asked for. */
export async function provenanceOf(
  { spec, resolved, evidence }: BuildFound,
  steps: readonly Step[],
  { context, services }: PipelineContext,
): Promise<Predicate> {
  const { provenance: options } = spec.inputs
  if (options === undefined) throw new Error('no provenance is asked for')
  const facts = await provenanceFacts({
    ...{ spec, options, context, steps, engine: resolved.engine.label },
    commit: await commitOrigin(spec.inputs.context, context),
    bases: await baseDependencies(spec, resolved, await evidence.imageDigests()),
    finishedOn: new Date(services.clock()),
  })
  return { ...inVersion(facts, options.version), inlineOnly: options.inlineOnly }
}

function inVersion(facts: BuildFacts, version: 'v1' | 'v0.2'): Predicate {
  const predicate = slsaPredicate(facts)
  return version === 'v1'
    ? { type: SLSA_V1, json: JSON.stringify(predicate) }
    : { type: SLSA_V02, json: JSON.stringify(inV02(predicate)) }
}
