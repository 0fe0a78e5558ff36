import type { KnownEngine } from '../../engine/engine.js'
import { inheritedImages } from './base-images.js'
import { type BaseSettings, type ReadSettings, settingsOfBases } from './base-settings.js'
import type { Wanted } from '../engine.js'
import { openRegistries, type PipelineContext } from '../pipeline-context.js'

/** What reads the settings of the base images of a build from their registries, by the first question. */
export function settingsOnDemand(wanted: Wanted, engine: KnownEngine, pipeline: PipelineContext): ReadSettings {
  let read: Promise<BaseSettings> | undefined
  return () => (read ??= readSettings(wanted, engine, pipeline))
}

async function readSettings(
  { inputs, source }: Wanted,
  engine: KnownEngine,
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
