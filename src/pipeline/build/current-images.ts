import type { ContainersStorage, OciLayout } from '../../build-storage.js'
import { listContents } from '../../cache/containers-storage/layout.js'
import { type ImageRecord, manifestDigests } from '../../cache/containers-storage/records.js'
import { openStoredImage } from '../../cache/containers-storage/root-filesystem.js'
import type { BaseImage } from '../../engine/engine.js'
import { formatPlatform, nativePlatform } from '../../lib/platform.js'
import { debug } from '../../log.js'
import type { Comparison } from '../../up-to-date/check.js'

/**
 * The images that have to be pulled: all but those that the storage has as their registries have them now. Never rejects.
 * @param root of the storage that is built in
 * @param comparison what knows the digests of registries; undefined where nobody has asked for them
 */
export async function imagesToPull(
  images: readonly BaseImage[],
  store: Pick<ContainersStorage, 'kind' | 'layout'> | Pick<OciLayout, 'kind'>,
  root: string,
  comparison: Pick<Comparison, 'bases'> | undefined,
): Promise<readonly BaseImage[]> {
  if (store.kind !== 'root') return images
  const bases = await comparison?.bases()
  if (bases === undefined || 'why' in bases) return images
  const place = { root, layout: store.layout }
  const there = (await listContents(root, place.layout).catch(() => undefined))?.images ?? []
  const isCurrent = await Promise.all(
    images.map(async ({ name, platform }) => {
      const base = bases.get(name)
      // The name may be that of an image for another platform, too.
      const isOne = platform === undefined && images.filter((other) => other.name === name).length === 1
      if (base === undefined || !isOne) return false
      const found = there.filter(({ names = [] }) => names.includes(base.name))
      const [one] = found
      if (one === undefined || found.length > 1 || !manifestDigests(one).includes(base.digest)) return false
      return await isNative(one, place).catch(() => false)
    }),
  )
  for (const [index, { name }] of images.entries())
    if (isCurrent[index] === true) debug(`${name}: not pulled, since the storage has the image that the registry has`)
  return images.filter((_, index) => isCurrent[index] !== true)
}

/** An index has images for several platforms, and one digest. */
async function isNative(
  { id }: ImageRecord,
  { root, layout }: { readonly root: string; readonly layout: ContainersStorage['layout'] },
): Promise<boolean> {
  const image = await openStoredImage(root, layout, id)
  if (image === undefined) return false
  const { os, architecture } = image.config
  return `${String(os)}/${String(architecture)}` === formatPlatform(nativePlatform())
}
