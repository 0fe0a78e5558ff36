import type { ContainersStorage, OciLayout } from '../build-storage.js'
import { containersStorage } from './containers-storage/snapshot.js'
import type { Keys } from './containers-storage/select.js'
import { ociLayout } from './oci-layout/snapshot.js'
import type { IndexOfParts, Snapshot } from './snapshot.js'

/**
 * Does something with the snapshot of a storage, whatever its index is.
 * @throws Error when nothing of this storage can be saved or restored here
 */
export async function withSnapshot<T>(
  storage: ContainersStorage | OciLayout,
  keys: Keys,
  use: <Index extends IndexOfParts>(snapshot: Snapshot<Index>) => Promise<T>,
): Promise<T> {
  return storage.kind === 'blobs' ? await use(ociLayout(storage)) : await use(await containersStorage(storage, keys))
}
