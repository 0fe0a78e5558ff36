import type { BuildSpec, Engine } from '../../engine/engine.js'
import { info } from '../../log.js'
import { isAttested } from '../../runner/attestation-inputs.js'
import type { Attestor } from '../attestations/attestor.js'
import type { Pusher } from '../build/build.js'
import type { PipelineContext, RegistriesOnDemand } from '../pipeline-context.js'
import type { Prepared } from '../build/prepared.js'

/** What is built, and what of it is here already. */
interface Building {
  readonly spec: BuildSpec
  readonly engine: Engine
  readonly prepared: Prepared
}

/** How an image is pushed: alone, or with what is attached to it, which is made before. */
export async function preparePush(
  building: Building,
  registries: RegistriesOnDemand,
  pipeline: PipelineContext,
): Promise<Pusher['prepare']> {
  const attestor = await attestorOf(building, registries, pipeline)
  return async (by, image, steps) => {
    if (attestor === undefined) return () => building.prepared.destination.push(by, image, registries)
    const predicates = await attestor.predicates(image, steps)
    return () => attestor.push(image, predicates)
  }
}

/** Undefined where nothing is attached, or the engine does that. Most builds have none. */
async function attestorOf(
  { spec, engine, prepared }: Building,
  registries: RegistriesOnDemand,
  pipeline: PipelineContext,
): Promise<Attestor | undefined> {
  const { evidence } = engine
  if (evidence === undefined || !isAttested(spec.inputs)) return undefined
  const { push, load, outputs } = spec.inputs
  if (!push) {
    info('Attestations: none, since nothing is pushed (`push: true` pushes)')
    return undefined
  }
  const without = [...(load ? ['`load`'] : []), ...(outputs.length > 0 ? ['`outputs`'] : [])]
  if (without.length > 0)
    info(`Attestations: only the pushed image has them; that of ${without.join(' and ')} has none`)
  const { engine: resolved, destination, metadata } = prepared
  const names = metadata.references
  const { openAttestor } = await import('../attestations/attestor.js')
  return openAttestor({ spec, resolved, engine, evidence, destination, names }, registries, pipeline)
}
