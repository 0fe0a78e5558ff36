import type { BaseVolumes, ResolvedEngine } from '../engine/engine.js'
import type { Format } from '../engine/image-format.js'
import { info, warn } from '../log.js'
import { inheritedImages } from './base-images.js'
import { type BaseSettings, dockerOnlyOfBases, settingsOfBases, volumesOfBases } from './base-settings.js'
import type { Wanted } from './engine.js'
import { openRegistries, type PipelineContext } from './pipeline-context.js'
import { sayFormat } from './source.js'

/**
 * The format, when it is known that it is built: also by what the base images have, which only Buildah drops from an image
 * in the OCI format. Their registries are asked for it. Says what this Buildah is known to get wrong, too.
 * @throws UserError when annotations are wanted and the format has no place for them
 */
export async function settleFormat(
  wanted: Wanted,
  engine: ResolvedEngine,
  pipeline: PipelineContext,
): Promise<Format['format']> {
  const { inputs, format } = wanted
  const isOpen = engine.traits.dropsDockerSettings && inputs.format === 'auto' && format !== 'docker'
  const isNeeded = isOpen || engine.knownFaults.ofVolumes
  const settings = isNeeded ? await readSettings(wanted, engine, pipeline) : new Map()
  tellFaults(wanted, engine, volumesOfBases(settings))
  return isOpen ? sayFormat(inputs, dockerOnlyOfBases(settings)) : format
}

async function readSettings(
  { inputs, source }: Wanted,
  engine: ResolvedEngine,
  pipeline: PipelineContext,
): Promise<BaseSettings> {
  const images = inheritedImages(inputs, source, engine.env)
  if (images.length === 0) return new Map()
  const names = await engine.resolveNames(images.map(({ name }) => name))
  const registries = await openRegistries(pipeline, names.insecure)
  try {
    return await settingsOfBases(images, names, registries)
  } finally {
    registries.close()
  }
}

/** Says what this release is known to get wrong of this build, where it builds it all the same. */
function tellFaults(wanted: Wanted, engine: ResolvedEngine, volumes: BaseVolumes): void {
  const { warnings, notes } = engine.knownFaults.tell(wanted, volumes)
  for (const text of warnings) warn(text)
  for (const note of notes) info(`Known: ${note}`)
}
