import { lchown, mkdir, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type ContainersStorage, executeInStorage } from '../../build-storage.js'
import type { DirectoryOptions } from '../options.js'
import type { Tools } from './archive.js'
import { isThere, orphanedPaths, placesOf } from './layout.js'
import { contentsOf, idsOf, type Restorable, united } from './select.js'

/** The folder of one scope, in which a storage root stays. */
export interface Place extends DirectoryOptions {
  readonly folder: string
  /** What the build sees: what it is offered, and what it makes. */
  readonly root: string
  /** What other builds will be offered, out of the sight of this one. */
  readonly aside: string
  readonly store: ContainersStorage
  readonly tools: Tools
}

/** Makes what is missing in the folder of a scope. @returns path of the storage root, absolute */
export async function makeFolders(
  folder: string,
  { foreign, uid, gid }: Pick<ContainersStorage, 'foreign' | 'uid' | 'gid'>,
): Promise<string> {
  for (const name of ['root', 'aside', 'mounts']) {
    const made = await mkdir(join(folder, name), { recursive: true, mode: 0o700 })
    if (made !== undefined && foreign) await lchown(made, uid, gid)
  }
  return join(folder, 'root')
}

type Grounds = Pick<Place, 'root' | 'aside' | 'store'>

/** Where the index of a branch lies. @param name of the branch, from `indexPath()` */
export function indexFile({ folder }: Pick<Place, 'folder'>, name: string): string {
  return join(folder, 'indexes', name)
}

/** A file or folder of a layer or an image, by the two places where it may lie, both absolute. */
interface Piece {
  readonly id: string
  readonly inRoot: string
  readonly inAside: string
}

/** Ids of what is there with all its pieces, whether the build sees it or it lies aside. */
export async function idsThere(restorable: Restorable, place: Grounds): Promise<Set<string>> {
  const ids = idsOf(restorable)
  await Promise.all(
    piecesOf(restorable, place).map(async ({ id, inRoot, inAside }) => {
      if (!(await isThere(inRoot)) && !(await isThere(inAside))) ids.delete(id)
    }),
  )
  return ids
}

/**
 * Has the root hold exactly these layers and images: no others, no records, no links, and nothing of what Buildah notes
 * about a root. What else is kept lies aside then, since a layer that is pulled again may get the id of one of it, and
 * nobody has looked whether it is what it was.
 */
export async function arrange(seen: Restorable, kept: Restorable, place: Grounds): Promise<void> {
  const { root, aside, store } = place
  const [wanted, others] = [piecesOf(seen, place), piecesOf(withoutSome(kept, idsOf(seen)), place)]
  const inRoot = new Set<string>()
  await Promise.all(
    [...wanted, ...others].map(async (piece) => {
      if (await isThere(piece.inRoot)) inRoot.add(piece.inRoot)
    }),
  )
  const missing = [...wanted, ...others].filter((piece) => !inRoot.has(piece.inRoot))
  // What lies in both places was made again in the root.
  const lying = new Set(missing.map(({ inAside }) => inAside))
  const orphanedAside = (await readdir(aside)).map((name) => join(aside, name)).filter((path) => !lying.has(path))
  const orphanedInRoot = await orphanedPaths(root, store.layout, contentsOf(united([seen, kept])))
  await removeAll([...orphanedInRoot.map((path) => join(root, path)), ...orphanedAside], store)
  const back = wanted.filter((piece) => !inRoot.has(piece.inRoot))
  const away = others.filter((piece) => inRoot.has(piece.inRoot))
  await makeAll(
    back.map(({ inRoot: path }) => dirname(path)),
    store,
  )
  await moveAll(
    [
      ...away.map((piece) => [piece.inRoot, piece.inAside] as const),
      ...back.map((piece) => [piece.inAside, piece.inRoot] as const),
    ],
    store,
  )
}

/** Removes these layers and images, wherever they lie. */
export async function removeIds(ids: ReadonlySet<string>, restorable: Restorable, place: Grounds): Promise<void> {
  const gone = piecesOf(restorable, place).filter(({ id }) => ids.has(id))
  await removeAll(
    gone.flatMap(({ inRoot, inAside }) => [inRoot, inAside]),
    place.store,
  )
}

function piecesOf({ layers, images }: Restorable, { root, aside, store }: Grounds): Piece[] {
  const { ofWholeLayer, ofImage } = placesOf(store.layout)
  const piecesAt = (id: string, paths: readonly string[]) =>
    paths.map((path) => ({ id, inRoot: join(root, path), inAside: join(aside, basename(path)) }))
  return [
    ...layers.flatMap(({ record: { id } }) => piecesAt(id, ofWholeLayer(id))),
    ...images.flatMap(({ record: { id } }) => piecesAt(id, ofImage(id))),
  ]
}

/** Without these, whatever stands on them. */
function withoutSome({ layers, images }: Restorable, ids: ReadonlySet<string>): Restorable {
  const isOther = ({ record }: { readonly record: { readonly id: string } }) => !ids.has(record.id)
  return { layers: layers.filter(isOther), images: images.filter(isOther) }
}

async function removeAll(paths: readonly string[], store: ContainersStorage): Promise<void> {
  if (paths.length > 0) await executeInStorage(store, ['xargs', '-0', 'rm', '-rf', '--'], paths.join('\0'))
}

async function makeAll(folders: readonly string[], store: ContainersStorage): Promise<void> {
  const missing = await Promise.all([...new Set(folders)].map(async (path) => ((await isThere(path)) ? [] : [path])))
  if (missing.flat().length > 0) await executeInStorage(store, ['mkdir', '-p', '-m', '0700', '--', ...missing.flat()])
}

/** Each to its new place, where nothing lies. */
async function moveAll(
  moves: readonly (readonly [from: string, to: string])[],
  store: ContainersStorage,
): Promise<void> {
  if (moves.length > 0)
    await executeInStorage(store, ['xargs', '-0', '-n', '2', 'mv', '-T', '--'], moves.flat().join('\0'))
}
