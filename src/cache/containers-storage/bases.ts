import type { Layout } from '../../build-storage.js'
import { readContents } from './layout.js'
import type { Contents, Restorable } from './select.js'

/** Names of base images that have changed, by what the root has after the build. @see changedBaseImages */
export async function findChangedBaseImages(offered: Restorable, root: string, layout: Layout): Promise<string[]> {
  return changedBaseImages(offered, await readContents(root, layout))
}

/**
 * Names of pulled images that, at the registry, are now images of the very same layers. Buildah compares layers and
 * history, so that steps on the old image pass for steps on the new one, though its environment or its command may differ.
 * Pure.
 * @param offered what the build was offered
 * @param contents what the storage has after it
 */
export function changedBaseImages({ images }: Restorable, contents: Contents): string[] {
  const now = new Map(
    contents.images.flatMap(({ id, names = [], layer }) => names.map((name) => [name, { id, layer }])),
  )
  return images.flatMap(({ record, key }) => {
    if (key !== undefined) return []
    return (record.names ?? []).filter((name) => {
      const other = now.get(name)
      return other !== undefined && other.id !== record.id && other.layer === record.layer
    })
  })
}
