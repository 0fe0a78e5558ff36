import type { ContainersStorage, OciLayout } from '../build-storage.js'
import { containersStorage } from './containers-storage/snapshot.js'
import type { Keys } from './containers-storage/select.js'
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
  if (storage.kind !== 'blobs') return await use(await containersStorage(storage, keys))
  // Only Docker's builds have one.
  const { ociLayout } = await import('./oci-layout/snapshot.js')
  return await use(ociLayout(storage))
}
