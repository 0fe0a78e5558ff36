import type { ContainersStorage, OciLayout } from '../../build-storage.js'
import type { BuildSpec, Image } from '../../engine/engine.js'
import type { Step } from '../../engine/progress.js'
import { targetPlatform } from '../../runner/platform-inputs.js'
import type { Comparison } from '../../up-to-date/check.js'
import { joinLayers, listLayers } from '../../up-to-date/copied-layers.js'
import type { ReadyStages } from './built-stages.js'
import { checkArchitecture } from './image-architecture.js'
import { warnOfReplacedLinks } from './replaced-links.js'

/** Looks at what the steps of a build have put into its layers. */
export interface LayerCheck {
  /**
   * Says, before it is pushed, what is otherwise than it was meant.
   * @throws WrongArchitectureError for an image of another processor
   */
  readonly review: (steps: readonly Step[], image: Pick<Image, 'id'>) => Promise<void>
  /** Why it isn't known to be made of what was read; looks while the image is pushed. Never rejects. */
  readonly check: (steps: readonly Step[]) => Promise<string | undefined>
}

/** What the layers of a build are held against, and those that were built before. */
interface Against {
  readonly comparison: Comparison | undefined
  readonly stages: Pick<ReadyStages, 'layers'> | undefined
  readonly imageNames: () => Promise<ReadonlySet<string>>
}

/** @param root of the storage that is built in */
export function checkLayers(
  store: ContainersStorage | OciLayout,
  root: string,
  { inputs, source }: Pick<BuildSpec, 'inputs' | 'source'>,
  { comparison, stages, imageNames }: Against,
): LayerCheck {
  // What BuildKit leaves is looked at where the build is remembered.
  if (store.kind === 'blobs') return { review: () => Promise.resolve(), check: () => Promise.resolve(undefined) }
  let listed: { readonly steps: readonly Step[]; readonly layers: ReturnType<typeof listLayers> } | undefined
  const list = (steps: readonly Step[]) => {
    if (listed?.steps !== steps) listed = { steps, layers: listLayers(store, root, steps) }
    return listed.layers
  }
  return {
    review: async (steps, image) => {
      const platform = inputs.platforms.length === 0 ? undefined : targetPlatform(inputs)
      await checkArchitecture(store, root, image, platform)
      await warnOfReplacedLinks(store, root, await list(steps), source)
    },
    async check(steps) {
      const listAll = async () => joinLayers([await list(steps), stages?.layers ?? []])
      return await comparison?.check({ list: listAll, imageNames })
    },
  }
}
