import { stagePlatforms } from '../../dockerfile/stage-platforms.js'
import type { BaseNames } from '../../engine/base-names.js'
import type { KnownEngine } from '../../engine/engine.js'
import { RegistryError, UserError } from '../../errors.js'
import { formatPlatform, nativePlatform, parsePlatform, type Platform, runsOn } from '../../lib/platform.js'
import type { Registries } from '../../registry/registries.js'
import { platformsIn } from '../../registry/image-platforms.js'
import { forPlatform } from '../../runner/platform-inputs.js'
import { analysisOf } from '../../source/analysis.js'
import { inheritedImages } from '../prepare/base-images.js'
import type { Wanted } from '../engine.js'
import { openRegistries, type PipelineContext } from '../pipeline-context.js'

/** Finds the platforms of an image by the name that the Dockerfile has for it; undefined where nobody says. */
type Find = (name: string) => Promise<readonly Platform[] | undefined>

/**
 * Makes sure, before anything is built, that each image that FROM names is there for the platform that it is needed for:
 * some engines take another one, and label the result as what was asked. What no registry tells is left to the engine.
 * @throws UserError for the first that isn't: its line, and what it has
 */
export async function checkBasePlatforms(
  wanted: Wanted,
  engine: Pick<KnownEngine, 'env' | 'resolveNames'>,
  pipeline: PipelineContext,
): Promise<void> {
  const { inputs, source } = wanted
  const images = inheritedImages(inputs, source, engine.env)
  if (images.length === 0) return
  const names = await engine.resolveNames(images.map(({ name }) => name))
  const registries = await openRegistries(pipeline, names.insecure)
  const found = new Map<string, Awaited<ReturnType<Find>>>()
  try {
    for (const { name, platform: written } of images) {
      const platform = written === undefined ? nativePlatform() : parsePlatform(written)
      if (!found.has(name)) found.set(name, await findPlatforms(name, names, registries))
      const there = found.get(name)
      if (platform === undefined || there === undefined || there.some((one) => runsOn(one, platform))) continue
      throw missing(name, platform, there, wanted)
    }
  } finally {
    registries.close()
  }
}

async function findPlatforms(name: string, { candidates }: BaseNames, registries: Registries): ReturnType<Find> {
  const named = candidates.get(name)
  const places = named === undefined || 'why' in named ? [] : named.flatMap(({ sources }) => sources)
  for (const { reference } of places) {
    const found = await platformsIn(registries, reference).catch((error: unknown) => {
      if (error instanceof RegistryError) return undefined
      throw error
    })
    if (found !== undefined) return found.map(({ platform }) => platform)
  }
  return undefined
}

function missing(name: string, platform: Platform, there: readonly Platform[], { inputs, source }: Wanted): UserError {
  const line = lineOf(name, platform, { inputs, source })
  const has = there.length === 0 ? 'no platform' : there.map(formatPlatform).join(', ')
  return new UserError(
    `Dockerfile${line === undefined ? '' : ` line ${line}`}: the base image ${name} isn't there for ${formatPlatform(platform)}. It has ${has}.`,
    `Use another base image, or leave ${formatPlatform(platform)} out of \`platforms\`.`,
    { place: line === undefined ? undefined : { file: source.file, line } },
  )
}

/** Where FROM names it for this platform. */
function lineOf(
  name: string,
  platform: Platform,
  { inputs, source: { dockerfile } }: Pick<Wanted, 'inputs' | 'source'>,
): number | undefined {
  for (const target of inputs.platforms) {
    const { stages } = analysisOf(forPlatform(inputs, target), dockerfile, undefined)
    const platforms = stagePlatforms(stages, target)
    const found = stages.find(({ base }, index) => {
      const own = platforms[index]
      return 'known' in base && base.known.name === name && own && formatPlatform(own) === formatPlatform(platform)
    })
    if (found !== undefined) return found.stage.line
  }
  return undefined
}
