import { inheritedImages } from './base-images.js'
import type { BaseNames } from '../engine/base-names.js'
import type { BaseImage, BaseVolumes, ResolvedEngine } from '../engine/engine.js'
import { describeInLine, RegistryError } from '../errors.js'
import { type DockerOnly, dockerOnlyIn, type Format } from '../engine/image-format.js'
import { objectOf } from '../lib/json.js'
import { info, warn } from '../log.js'
import { mapConcurrent } from '../lib/concurrency.js'
import type { Wanted } from './engine.js'
import { openRegistries, type PipelineContext } from './pipeline-context.js'
import { sayFormat } from './source.js'
import { formatPlatform, nativePlatform } from '../lib/platform.js'
import { fetchConfig } from '../registry/image-config.js'
import type { Registries } from '../registry/client.js'

const CONCURRENCY = 3

/** Configurations of base images, in the order in which the Dockerfile has the images; those that are known. */
export type BaseSettings = ReadonlyMap<BaseImage, Readonly<Record<string, unknown>>>

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

/**
 * The configurations that base images have in their registries. One that can't be read is left out: to say what is wrong
 * with it is left to the engine. Never rejects.
 */
export async function settingsOfBases(
  images: readonly BaseImage[],
  { candidates }: BaseNames,
  registries: Pick<Registries, 'resolve' | 'fetchManifest' | 'fetchBlob'>,
): Promise<BaseSettings> {
  const found = new Map<BaseImage, Readonly<Record<string, unknown>>>()
  await mapConcurrent(images, CONCURRENCY, async (image) => {
    const named = candidates.get(image.name)
    const places = named === undefined || 'why' in named ? [] : named.flatMap(({ sources }) => sources)
    for (const { reference } of places) {
      const config = await fetchConfig(registries, reference, image.platform ?? formatPlatform(nativePlatform())).catch(
        unreadable(image),
      )
      if (config === undefined) continue
      found.set(image, config)
      return
    }
  })
  return new Map(images.flatMap((image) => (found.has(image) ? [[image, found.get(image) ?? {}]] : [])))
}

function unreadable({ name }: BaseImage): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof RegistryError)) throw error
    info(`Format: could not read the configuration of ${name}. ${describeInLine(error)}`)
    return undefined
  }
}

/** What the image would inherit that only the `docker` format has a place for, of the first that has something. Pure. */
export function dockerOnlyOfBases(settings: BaseSettings): DockerOnly | undefined {
  for (const [{ name }, config] of settings) {
    const keyword = dockerOnlyIn(config)
    if (keyword !== undefined) return { keyword, origin: `of the base image ${name}` }
  }
  return undefined
}

/** Volumes of base images, by their names. Pure. */
export function volumesOfBases(settings: BaseSettings): Map<string, string[]> {
  const volumesIn = (config: Readonly<Record<string, unknown>>) =>
    Object.keys(objectOf(objectOf(config['config'])['Volumes']))
  return new Map([...settings].map(([{ name }, config]) => [name, volumesIn(config)]))
}

/** Says what this release is known to get wrong of this build, where it builds it all the same. */
function tellFaults(wanted: Wanted, engine: ResolvedEngine, volumes: BaseVolumes): void {
  const { warnings, notes } = engine.knownFaults.tell(wanted, volumes)
  for (const text of warnings) warn(text)
  for (const note of notes) info(`Known: ${note}`)
}
