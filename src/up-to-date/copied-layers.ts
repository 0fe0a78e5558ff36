import { listUppermost } from '../cache/containers-storage/layer-entries.js'
import { listEnvironments } from '../cache/containers-storage/root-filesystem.js'
import type { LayerEntry } from '../lib/tar-headers.js'
import type { Step } from '../engine/progress.js'
import { describeInLine } from '../errors.js'
import type { ContainersStorage } from '../build-storage.js'
import type { Unknown } from './base-digests.js'

/** What a step has put into the image. */
export interface StepLayer extends Pick<Step, 'stage' | 'index'> {
  readonly entries: readonly LayerEntry[]
  /** The environment that the step had, `NAME=value`; undefined where that isn't known. */
  readonly env?: readonly string[] | undefined
}

/** The same in a storage, where an image has it as its uppermost layer. */
export interface StoredLayer extends StepLayer {
  /** Id of that image, or the first characters of it. */
  readonly image: string
}

/** What all steps of a build have put into the image; or why that isn't known. */
export type Layers = readonly StepLayer[] | Unknown

/**
 * The layers of all steps of a build that copy something, also of those that were there already. Never rejects.
 * @param root of the storage that it was built in
 */
export async function listLayers(
  store: ContainersStorage,
  root: string,
  steps: readonly Step[],
): Promise<readonly StoredLayer[] | Unknown> {
  const copying = steps.flatMap(({ stage, index, image, text }) =>
    image !== undefined && /^(COPY|ADD) /i.test(text) ? [{ stage, index, image, text }] : [],
  )
  try {
    const images = new Set(copying.map(({ image }) => image))
    const listed = await listUppermost(root, store.layout, [...images])
    const named = new Set(copying.filter(({ text }) => text.includes('$')).map(({ image }) => image))
    const environments = await listEnvironments(root, store.layout, [...named])
    return copying.flatMap(({ stage, index, image }) => {
      const entries = listed.get(image)
      return entries === undefined ? [] : [{ stage, index, image, entries, env: environments.get(image) }]
    })
  } catch (error) {
    return { why: `can't list the files that its steps added: ${describeInLine(error)}` }
  }
}

/** Those of several builds; or why they aren't known of one of them. Pure. */
export function joinLayers(all: readonly Layers[]): Layers {
  const joined: StepLayer[] = []
  for (const layers of all) {
    if ('why' in layers) return layers
    joined.push(...layers)
  }
  return joined
}
