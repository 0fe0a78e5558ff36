import type { BaseFacts } from '../../dockerfile/check-state.js'
import type { BaseNames } from '../../engine/base-names.js'
import type { BaseImage } from '../../engine/engine.js'
import { type DockerOnly, dockerOnlyIn } from '../../engine/image-format.js'
import { describeInLine, RegistryError } from '../../errors.js'
import { mapConcurrent } from '../../lib/concurrency.js'
import { objectOf, textsOf } from '../../lib/json.js'
import { formatPlatform, nativePlatform } from '../../lib/platform.js'
import { info } from '../../log.js'
import type { Registries } from '../../registry/registries.js'
import { fetchConfig } from '../../registry/image-config.js'

const CONCURRENCY = 3

/** Configurations of base images, in the order in which the Dockerfile has the images; those that are known. */
export type BaseSettings = ReadonlyMap<BaseImage, Readonly<Record<string, unknown>>>

/** Reads them, where somebody asks. */
export type ReadSettings = () => Promise<BaseSettings>

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

/** What decides on checks, by the names of the images; of several platforms of one image, all together. Pure. */
export function checkFactsOfBases(settings: BaseSettings): Map<string, BaseFacts> {
  const facts = new Map<string, BaseFacts>()
  for (const [{ name }, settled] of settings) {
    const config = objectOf(settled['config'])
    const before = facts.get(name)
    const names = textsOf(config['Env']).map((entry) => entry.split('=', 1)[0] ?? '')
    facts.set(name, {
      environment: [...(before?.environment ?? []), ...names],
      hasShell: before?.hasShell === true || textsOf(config['Shell']).length > 0,
      triggers: [...(before?.triggers ?? []), ...textsOf(config['OnBuild'])],
    })
  }
  return facts
}
