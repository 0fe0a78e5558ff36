import type { BaseImage } from './engine/engine.js'
import { describeInLine, RegistryError } from './errors.js'
import { type DockerOnly, dockerOnlyIn } from './image/format.js'
import { say } from './log.js'
import { inParallel } from './parallel.js'
import { platform } from './platform.js'
import { fetchConfig } from './registry/image-config.js'
import type { Registries } from './registry/registry.js'
import type { BaseNames } from './unchanged/bases.js'

const AT_ONCE = 3

type Config = Readonly<Record<string, unknown>>

/**
 * What the image would inherit from its base images that only the `docker` format has a place for, by their
 * configurations in their registries. One that can't be read counts as one that has nothing: to say what is wrong with it
 * is left to the engine. Never rejects.
 */
export async function dockerOnlyOfBases(
  images: readonly BaseImage[],
  { candidates }: BaseNames,
  registries: Pick<Registries, 'resolve' | 'fetchManifest' | 'fetchBlob'>,
): Promise<DockerOnly | undefined> {
  const found = new Map<BaseImage, string>()
  await inParallel(images, AT_ONCE, async (image) => {
    const named = candidates.get(image.name)
    const places = named === undefined || 'why' in named ? [] : named.flatMap(({ sources }) => sources)
    for (const { reference } of places) {
      const config = await fetchConfig(registries, reference, image.platform ?? platform()).catch(unreadable(image))
      if (config === undefined) continue
      const keyword = dockerOnlyIn(config)
      if (keyword !== undefined) found.set(image, keyword)
      return
    }
  })
  // The first as the Dockerfile has them, whichever came first.
  const first = images.find((image) => found.has(image))
  return first && { keyword: found.get(first) ?? '', origin: `of the base image ${first.name}` }
}

function unreadable({ name }: BaseImage): (error: unknown) => Config | undefined {
  return (error) => {
    if (!(error instanceof RegistryError)) throw error
    say(`Format: the configuration of ${name} could not be read. ${describeInLine(error)}`)
    return undefined
  }
}
