import type { BaseVolumes, KnownEngine, ResolvedEngine } from '../../engine/engine.js'
import type { Format } from '../../engine/image-format.js'
import { info, warn } from '../../log.js'
import { dockerOnlyOfBases, type ReadSettings, volumesOfBases } from './base-settings.js'
import type { Wanted } from '../engine.js'
import { sayFormat } from './source.js'
import { sayTimestamp } from './timestamp.js'

/**
 * The format, when it is known that it is built: also by what the base images have, which only Buildah drops from an image
 * in the OCI format. Their registries are asked for it. Says what this Buildah is known to get wrong, and which time
 * the image gets, too.
 * @throws UserError when annotations are wanted and the format has no place for them
 */
export async function settleFormat(
  wanted: Wanted,
  engine: ResolvedEngine,
  read: ReadSettings,
): Promise<Format['format']> {
  const { inputs, format, source } = wanted
  sayTimestamp(inputs, source.dockerfile)
  const isOpen = isFormatOpen(wanted, engine)
  const isNeeded = isOpen || engine.knownFaults.ofVolumes
  const settings = isNeeded ? await read() : new Map()
  tellFaults(wanted, engine, volumesOfBases(settings))
  return isOpen ? sayFormat(inputs, dockerOnlyOfBases(settings)) : format
}

/** Whether the format depends on what the base images have. Pure. */
export function isFormatOpen(
  { inputs, format }: Pick<Wanted, 'inputs' | 'format'>,
  { traits }: Pick<KnownEngine, 'traits'>,
): boolean {
  return traits.dropsDockerSettings && inputs.format === 'auto' && format !== 'docker'
}

/** Says what this release is known to get wrong of this build, where it builds it all the same. */
function tellFaults(wanted: Wanted, engine: ResolvedEngine, volumes: BaseVolumes): void {
  const { warnings, notes } = engine.knownFaults.tell(wanted, volumes)
  for (const text of warnings) warn(text)
  for (const note of notes) info(`Known: ${note}`)
}
