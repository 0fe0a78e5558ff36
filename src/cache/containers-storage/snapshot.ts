import { describe } from '../../errors.js'
import type { ContainersStorage } from '../../build-storage.js'
import type { Snapshot } from '../snapshot.js'
import { emptyRoot, findTools } from './archive.js'
import { findChangedBaseImages } from './bases.js'
import { fill } from './fill.js'
import { removeBlobInfoCache } from './blob-info-cache.js'
import { arrangeInPlace, folderName } from './in-place.js'
import { formatIndex, type Index, parseIndex } from './index.js'
import { packAhead } from './pack-ahead.js'
import { planSave } from './save.js'
import { incompatibleReason, type Keys } from './select.js'

/**
 * The steps that Buildah has in a root of containers/storage, with its blob info cache and what cache mounts have left.
 * @throws Error when a program is missing that packs and unpacks
 */
export async function containersStorage(store: ContainersStorage, keys: Keys): Promise<Snapshot<Index>> {
  const tools = await findTools(store).catch((error: unknown) => describe(error))
  if (typeof tools === 'string') throw new Error(`nothing can be restored or saved: ${tools}`)
  return {
    suffix: '',
    folder: folderName(store),
    parse: parseIndex,
    format: formatIndex,
    incompatibleReason: (index) => incompatibleReason(index, store.layout, store.version),
    async unpack(indexes, root, options, terms) {
      const filled = await fill(indexes, keys, root, { ...options, store, tools, terms })
      return {
        ...filled,
        indexes,
        isEmpty: filled.restorable.images.length === 0,
        changedBaseImages: () => findChangedBaseImages(filled.restorable, root, store.layout),
      }
    },
    async empty(root) {
      await emptyRoot(store, root)
      await removeBlobInfoCache(store)
    },
    packAhead(root, indexes, stagingDir) {
      const known = indexes.flatMap((index) => index.layers.map(({ record }) => record.id))
      return packAhead(root, new Set(known), { store, tools, stagingDir })
    },
    plan: (job, indexes, stagingDir) => planSave(job, indexes, { store, tools, stagingDir }),
    arrange: (place) => arrangeInPlace({ ...place, store, tools }, keys),
  }
}
