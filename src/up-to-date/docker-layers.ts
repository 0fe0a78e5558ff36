import { blobPath, listArchive, readSavedImage, type SavedImage } from '../cache/oci-layout/layers.js'
import type { CopyStep } from '../dockerfile/dependencies.js'
import type { Pushed } from '../engine/engine.js'
import { describeInLine } from '../errors.js'
import { listOf, objectOf, parseObject, textsOf } from '../lib/json.js'
import { isIndex } from '../registry/image-index.js'
import type { Registries } from '../registry/registries.js'
import type { OciLayout } from '../build-storage.js'
import type { Layers } from './copied-layers.js'

/** What an engine has left in a folder of steps. */
export interface LeftBlobs {
  readonly root: string
  readonly layout: OciLayout['layout']
  /** Whether it has left what it built. */
  readonly isKept: boolean
}

/** What the history of an image says of a layer that was copied: BuildKit in its way, the classic builder in its own. */
const COPYING = /^(?:\/bin\/sh -c #\(nop\) )?(COPY|ADD) /

/**
 * The layers of an image that BuildKit has built, as far as they are in its own folder of steps; layers of stages that
 * it only copies from have nothing in it by which they could be told. Never rejects.
 * @param copies instructions that layers of the image are of, the lowest first
 */
export async function listDockerLayers(
  { root, layout, isKept }: LeftBlobs,
  copies: readonly CopyStep[],
  [pushed]: readonly Pushed[],
  registries: Registries,
): Promise<Layers> {
  const what = "can't list the files that its steps added"
  if (!isKept || pushed === undefined) return { why: `${what}: the builder keeps them` }
  try {
    const image = layout === 'saved-image' ? await readSavedImage(root) : await readPushedImage(pushed, registries)
    const copied = copiedLayers(image).slice(-copies.length)
    const isSame = copied.length === copies.length && copies.every(({ keyword }, i) => copied[i]?.keyword === keyword)
    if (!isSame) return { why: `${what}: the image history has other steps than the Dockerfile` }
    const env = textsOf(objectOf(parseObject(image.config)['config'])['Env'])
    return await Promise.all(
      copies.map(async ({ stage, index }, place) => {
        return { stage, index, entries: await listArchive(root, copied[place]?.path ?? ''), env }
      }),
    )
  } catch (error) {
    return { why: `${what}: ${describeInLine(error)}` }
  }
}

/** The layers that COPY and ADD have made, the lowest first. Pure. */
function copiedLayers({ config, layers }: SavedImage): { readonly keyword: string; readonly path: string }[] {
  const { history } = parseObject(config)
  const filled = listOf(history)
    .map(objectOf)
    .filter(({ empty_layer: isEmpty }) => isEmpty !== true)
  if (filled.length !== layers.length) throw new Error("the image history doesn't match its layers")
  return filled.flatMap(({ created_by: text }, index) => {
    const keyword = COPYING.exec(typeof text === 'string' ? text : '')?.[1]
    const path = layers[index]
    return keyword === undefined || path === undefined ? [] : [{ keyword, path }]
  })
}

/** The one image of an index of it and what is attached to it. */
function imageIn({ manifests }: Readonly<Record<string, unknown>>): string {
  const [image] = listOf(manifests)
    .map(objectOf)
    .filter(({ platform }) => objectOf(platform)['os'] !== 'unknown')
  return String(image?.['digest'])
}

/** The same from a registry: the builder has pushed the very blobs that it keeps. */
async function readPushedImage({ reference, digest }: Pushed, registries: Registries): Promise<SavedImage> {
  const { registry, repository } = reference
  const place = { registry, repository, digest }
  const manifest = await registries.fetchManifest(place)
  const top = parseObject(String(manifest?.bytes))
  const inside = isIndex(manifest?.mediaType ?? '')
    ? await registries.fetchManifest({ ...place, digest: imageIn(top) })
    : undefined
  const { config, layers } = inside === undefined ? top : parseObject(String(inside.bytes))
  const { digest: id } = objectOf(config)
  if (typeof id !== 'string' || !Array.isArray(layers)) throw new Error('the pushed manifest is not that of an image')
  const text = String(await registries.fetchBlob(place, id))
  return { config: text, layers: layers.map((layer) => blobPath(String(objectOf(layer)['digest']))) }
}
