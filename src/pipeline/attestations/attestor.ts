import { resolve } from 'node:path'
import { SBOM_LIMIT, spdxPredicates } from '../../attestation/sbom.js'
import type { Predicate } from '../../attestation/statement.js'
import type { BuildSpec, Engine, Image, Pushed, ResolvedEngine, ScanRequest } from '../../engine/engine.js'
import type { Step } from '../../engine/progress.js'
import { targetPlatform } from '../../runner/platform-inputs.js'
import { attachInArchive } from './attested-archive.js'
import { type AttestedImage, pushAttested } from './attested-push.js'
import { checkGenerator } from './check-generator.js'
import type { Destination } from '../push/destination.js'
import type { PipelineContext, RegistriesOnDemand } from '../pipeline-context.js'
import { provenanceOf } from './provenance-of.js'
import { scanRequest } from './scan-request.js'

/** Says what an image is and how it was made, for an engine that doesn't. */
export interface Attestor {
  /** What is attached to an image. Nothing has been pushed yet. @throws UserError where it can't be made */
  predicates(image: Image, steps: readonly Step[]): Promise<readonly Predicate[]>
  /** Pushes the image with these. @throws UserError as `pushAll` */
  push(image: Image, predicates: readonly Predicate[]): Promise<Pushed[]>
  /** Puts these into the OCI archives that the input `outputs` has asked for. */
  attachInArchives(predicates: readonly Predicate[]): Promise<void>
}

/** What is built by what, and where it goes. */
export interface Attested {
  readonly spec: BuildSpec
  readonly resolved: ResolvedEngine
  readonly engine: Engine
  readonly evidence: NonNullable<Engine['evidence']>
  readonly destination: Destination
  readonly names: AttestedImage['names']
}

/** @throws UserError where it is known before the build that something can't be made */
export async function openAttestor(
  attested: Attested,
  registries: RegistriesOnDemand,
  pipeline: PipelineContext,
): Promise<Attestor> {
  const { spec, resolved, engine, evidence, destination, names } = attested
  const { sbom: wanted } = spec.inputs
  if (wanted !== undefined) await checkGenerator(wanted, { ...resolved, ...engine }, pipeline)
  const platform = targetPlatform(spec.inputs)
  return {
    async predicates(image, steps) {
      const { provenance, sbom } = spec.inputs
      const scan = (request: ScanRequest) => pipeline.timeline.during('SBOM', () => sbomOf(image, request, evidence))
      const documents = sbom === undefined ? [] : await scan(scanRequest(sbom, spec, steps, resolved.env))
      return provenance === undefined ? documents : [...documents, await provenanceOf(attested, steps, pipeline)]
    },
    async push(image, predicates) {
      return await pushAttested(engine, { image, predicates, platform, names }, destination.references, registries)
    },
    async attachInArchives(predicates) {
      const { workDir, context } = pipeline
      const place = { staging: workDir.path, env: context.env }
      for (const { type, dest } of spec.inputs.outputs) {
        const archive = resolve(context.workspace, dest)
        if (type === 'oci') await attachInArchive(archive, { predicates, platform, names }, place)
      }
    },
  }
}

async function sbomOf(image: Image, request: ScanRequest, evidence: Attested['evidence']): Promise<Predicate[]> {
  return spdxPredicates(await evidence.scan(image, request, SBOM_LIMIT), request.generator)
}
