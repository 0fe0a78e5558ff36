import { join } from 'node:path'
import { executeInStorage } from '../../build-storage.js'
import type { Part } from '../backends/parts.js'
import { pack, run } from './archive.js'
import { placesOf } from './layout.js'
import { type Packer, take } from './pack.js'
import type { LayerRecord } from './records.js'

/**
 * How large the files of a skeleton are that had content, in bytes that are all 0. No other size is as good a sign that
 * something has been made of one.
 */
export const HOLE_BYTES = 4093

/** Buildah reads them for names of users and groups, and where it says what it builds on. */
const READ_BY_BUILDAH = 'passwd|group|subuid|subgid|os-release'
/** More no such file has, but one that is meant to fill the bundle. */
const MAX_READ_KIB = 256

/**
 * Packs layers of a root without the contents of their files, into one archive in the staging directory: folders, links,
 * owners, modes, attributes and what says that something is gone are in it, and in place of a content a hole. A layer that
 * is a skeleton already gives the same again.
 */
export async function packSkeletons(layers: readonly LayerRecord[], root: string, place: Packer): Promise<Part> {
  const { store, tools } = place
  const { ofLayer } = placesOf(store.layout)
  const folder = join(store.folder, 'parts', 'skeletons')
  const lists = ['hollow', 'kept'].map((name) => join(store.folder, 'parts', `skeletons-${name}`))
  const [hollow = '', kept = ''] = lists
  const members = layers.flatMap(({ id }) => ofLayer(id))
  const diffs = layers.map(({ id }) => ofLayer(id)[0] ?? '')
  const splits = members.filter((member) => !diffs.includes(member))
  const [there, here] = [
    { ...store, folder: root },
    { ...store, folder },
  ]
  try {
    await executeInStorage(store, ['mkdir', '-m', '0700', '--', folder])
    await run(there, ['cp', '-a', '--parents', '--attributes-only', '-t', folder, '--', ...diffs])
    const isRead = ['-regextype', 'posix-extended', '-regex', `overlay/[0-9a-f]{64}/diff/etc/(${READ_BY_BUILDAH})`]
    const files = ['-type', 'f', '-size', '+0c']
    const small = ['-size', `-${MAX_READ_KIB}k`]
    const sorted = ['(', ...isRead, ...small, '-fprint0', kept, '-o', '-fprint0', hollow, ')']
    await run(there, ['find', ...diffs, ...files, ...sorted])
    await run(here, ['xargs', '-0', '-r', '-a', hollow, 'truncate', '-c', '-s', String(HOLE_BYTES), '--'])
    await run(there, ['xargs', '-0', '-r', '-a', kept, 'cp', '-a', '--parents', '-t', folder, '--'])
    await run(there, ['cp', '-a', '--parents', '-t', folder, '--', ...splits])
    const name = 'skeletons.tar.zst'
    await pack(tools, store, { folder, members, options: ['--sparse'] }, join(store.folder, 'parts', name))
    return await take(name, place)
  } finally {
    await executeInStorage(store, ['rm', '-rf', '--', folder, ...lists])
  }
}
