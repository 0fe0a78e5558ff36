import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type ContainersStorage, takeFromBuildUser } from '../../build-storage.js'
import { digestFile } from '../../lib/hash.js'
import type { Part } from '../backends/parts.js'
import { partPath } from '../key.js'
import { normalizeMtimes, pack } from './archive.js'
import { packMounts } from './cache-mounts.js'
import { placesOf } from './layout.js'
import type { Workplace } from './restore.js'
import { type Contents } from './select.js'

/** Where a root is packed. */
export type Packer = Pick<Workplace, 'store' | 'tools' | 'stagingDir'>

/** Gives layers the times that they have in an archive, so that the same layer is packed to the same bytes. */
export async function levelLayers(groups: readonly Contents[], root: string, store: ContainersStorage): Promise<void> {
  const { ofLayer } = placesOf(store.layout)
  const layers = groups.flatMap((group) => group.layers)
  await normalizeMtimes(
    store,
    root,
    layers.flatMap(({ id }) => ofLayer(id)),
  )
}

/** Packs layers and images into one archive in the staging directory. */
export async function packGroup(group: Contents, name: string, root: string, place: Packer): Promise<Part> {
  const places = placesOf(place.store.layout)
  const members = [
    ...group.layers.flatMap(({ id }) => places.ofLayer(id)),
    ...group.images.flatMap(({ id }) => places.ofImage(id)),
  ]
  await pack(place.tools, place.store, { folder: root, members }, join(place.store.folder, 'parts', name))
  return await take(name, place)
}

/** Takes a packed file over and gives it the name that its content has. */
export async function take(name: string, { store, stagingDir }: Packer): Promise<Part> {
  await takeFromBuildUser(store, name, join(stagingDir, name))
  const part = await digestFile(join(stagingDir, name))
  await rename(join(stagingDir, name), join(stagingDir, partPath(part.sha256)))
  return part
}

/** Packs what cache mounts have left; undefined if that is nothing. */
export async function packMountsOf(packer: Packer): Promise<Part | undefined> {
  const { store, tools } = packer
  const name = 'mounts.tar.zst'
  return (await packMounts(tools, store, join(store.folder, 'parts', name))) ? await take(name, packer) : undefined
}
