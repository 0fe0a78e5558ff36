import type { Predicate } from '../../attestation/statement.js'
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

/** How an image gets to its places. */
interface PreparedPush extends Pick<Pusher, 'prepare'> {
  /** Attaches to what the engine has written into files what was made before the push. */
  readonly attachInArchives: () => Promise<void>
}

/** How an image is pushed: alone, or with what is attached to it, which is made before. */
export async function preparePush(
  building: Building,
  registries: RegistriesOnDemand,
  pipeline: PipelineContext,
): Promise<PreparedPush> {
  const attestor = await attestorOf(building, registries, pipeline)
  let made: readonly Predicate[] = []
  return {
    async prepare(by, image, steps) {
      if (attestor === undefined) return () => building.prepared.destination.push(by, image, registries)
      made = await attestor.predicates(image, steps)
      return () => attestor.push(image, made)
    },
    attachInArchives: async () => attestor?.attachInArchives(made),
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
  const others = outputs.filter(({ type }) => type !== 'oci').map(({ type }) => `\`type=${type}\``)
  if (!push && others.length === outputs.length) {
    info('Attestations: none, since nothing is pushed (`push: true` pushes), and no OCI archive is written')
    return undefined
  }
  const without = [...(load ? ['`load`'] : []), ...new Set(others)]
  if (without.length > 0)
    info(`Attestations: only what is pushed and OCI archives have them; that of ${without.join(' and ')} has none`)
  const { engine: resolved, destination, metadata } = prepared
  const names = metadata.references
  const { openAttestor } = await import('../attestations/attestor.js')
  return await openAttestor({ spec, resolved, engine, evidence, destination, names }, registries, pipeline)
}
