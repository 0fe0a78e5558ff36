import { createHash } from 'node:crypto'
import { lchown, lstat, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import type { Layout, ContainersStorage } from '../../build-storage.js'
import type { Contents } from './select.js'
import { textOfPlain } from '../../lib/plain-file.js'
import { isIncomplete, readImage, readLayer } from './records.js'

/** Paths below a storage root, relative to it. All are made of checked ids: nothing is taken from what came back. */
export interface Places {
  readonly layersFile: string
  readonly imagesFile: string
  readonly ofLayer: (id: string) => string[]
  /** The same, with all that overlay has in addition to the content. */
  readonly ofWholeLayer: (id: string) => string[]
  readonly ofImage: (id: string) => string[]
  /** What the archive of a layer had in addition to the contents of its files. */
  readonly splitOf: (layer: string) => string
}

/** A root of a thousand steps has records of about 2 MiB. */
const MAX_RECORDS = 64 * 2 ** 20

/** Where containers/storage keeps layers and images; pure. */
export function placesOf(layout: Layout): Places {
  const driver = layout.startsWith('vfs') ? 'vfs' : 'overlay'
  const splitOf = (id: string) => `${driver}-layers/${id}.tar-split.gz`
  return {
    layersFile: `${driver}-layers/layers.json`,
    imagesFile: `${driver}-images/images.json`,
    ofLayer: (id) => [driver === 'vfs' ? `vfs/dir/${id}` : `overlay/${id}/diff`, splitOf(id)],
    ofWholeLayer: (id) => [driver === 'vfs' ? `vfs/dir/${id}` : `overlay/${id}`, splitOf(id)],
    ofImage: (id) => [`${driver}-images/${id}`],
    splitOf,
  }
}

/** Makes the folders of an empty root that several programs would make at the same time. */
export async function makePlaces(root: string, { layout, foreign, uid, gid }: ContainersStorage): Promise<void> {
  const { layersFile, imagesFile } = placesOf(layout)
  const contents = layout.startsWith('vfs') ? ['vfs', 'vfs/dir'] : ['overlay', 'overlay/l']
  for (const folder of [dirname(layersFile), dirname(imagesFile), ...contents]) {
    const isNew = await makeFolder(join(root, folder))
    if (isNew && foreign) await lchown(join(root, folder), uid, gid)
  }
}

/** Buildah 1.23 makes some of them by any command. @returns whether it wasn't there. @throws Error for anything but a folder */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await lstat(path)).isDirectory()) throw error
    return false
  }
}

/** The records of a storage root. What is half written, or has no files, is left out. */
export async function readContents(root: string, layout: Layout): Promise<Contents> {
  const places = placesOf(layout)
  const whole = async <T extends { id: string }>(records: readonly T[], placesOfOne: (id: string) => string[]) => {
    const kept = await Promise.all(
      records.map(async (record) => ((await areThere(root, placesOfOne(record.id))) ? [record] : [])),
    )
    return kept.flat()
  }
  const { layers, images } = await listContents(root, layout)
  return {
    layers: await whole(layers, places.ofLayer),
    images: await whole(images, places.ofImage),
  }
}

/** The same, whether there are files or not. */
export async function listContents(root: string, layout: Layout): Promise<Contents> {
  const { layersFile, imagesFile } = placesOf(layout)
  const readWhole = (record: unknown) => (isIncomplete(record) ? [] : [readLayer(record)])
  return {
    layers: await readRecords(join(root, layersFile), readWhole),
    images: await readRecords(join(root, imagesFile), (record) => [readImage(record)]),
  }
}

/** Empty where nothing was built yet, and where the file is not what Buildah writes. */
async function readRecords<T>(file: string, read: (record: unknown) => T[]): Promise<T[]> {
  try {
    const value: unknown = JSON.parse((await textOfPlain(file, MAX_RECORDS)) ?? '')
    return Array.isArray(value) ? value.flatMap(read) : []
  } catch {
    return []
  }
}

/** Whether all of these lie in the root itself, and are no links to elsewhere. */
export async function areThere(root: string, paths: readonly string[]): Promise<boolean> {
  return (await Promise.all(paths.map((path) => isThere(join(root, path))))).every(Boolean)
}

/** Whether something lies there itself, and no link to elsewhere. */
export async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => !found.isSymbolicLink(),
    () => false,
  )
}

/**
 * What lies in a root and is neither the content of these layers and images nor one of the folders around it: what was
 * interrupted, what was dropped, the containers of builds that are over, and what Buildah has noted about the root. All
 * that a root needs in addition to the contents is rewritten.
 * @returns paths relative to the root
 */
export async function orphanedPaths(root: string, layout: Layout, { layers, images }: Contents): Promise<string[]> {
  const driver = layout.startsWith('vfs') ? 'vfs' : 'overlay'
  const layerIds = new Set(layers.map(({ id }) => id))
  const imageIds = new Set(images.map(({ id }) => id))
  const splits = new Set(layers.map(({ id }) => `${id}.tar-split.gz`))
  const isLayer = (name: string) => layerIds.has(name)
  const orphaned: string[] = []
  /** Keeps these names of a folder, and nothing of what is no folder but stands where one belongs. */
  const sweep = async (folder: string, isKept: (name: string) => boolean) => {
    if (!(await isFolder(join(root, folder)))) {
      orphaned.push(folder)
      return
    }
    const names = await readdir(join(root, folder))
    orphaned.push(...names.filter((name) => !isKept(name)).map((name) => posix.join(folder, name)))
  }
  const folders = [driver, `${driver}-layers`, `${driver}-images`]
  await sweep('', (name) => folders.includes(name))
  await sweep(`${driver}-layers`, (name) => splits.has(name))
  await sweep(`${driver}-images`, (name) => imageIds.has(name))
  if (driver === 'vfs') {
    await sweep('vfs', (name) => name === 'dir')
    await sweep('vfs/dir', isLayer)
  } else {
    await sweep('overlay', (name) => name === 'l' || isLayer(name))
    await sweep('overlay/l', () => false)
    for (const id of layerIds) await sweep(`overlay/${id}`, (name) => name === 'diff')
  }
  // What isn't there needn't be removed.
  const found = await Promise.all(orphaned.map(async (path) => ((await exists(join(root, path))) ? [path] : [])))
  return found.flat()
}

async function isFolder(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  )
}

/**
 * Writes what makes a storage root of unpacked layers below `folder`: the records, and how overlay finds layers by short
 * names. These come from ids and parents alone, so nothing of it has to be kept or checked.
 * @param links whether layers need short names: those that Buildah has made have some
 * @returns the paths of what was written, relative to `folder`
 */
export async function writeRecords(
  folder: string,
  layout: Layout,
  { layers, images }: Contents,
  links: 'links' | 'no links',
): Promise<string[]> {
  const places = placesOf(layout)
  const written: string[] = []
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true, mode: 0o700 })
    await writeFile(join(folder, path), text, { mode: 0o600 })
    written.push(path)
  }
  await write(places.layersFile, JSON.stringify(layers))
  await write(places.imagesFile, JSON.stringify(images))
  if (layout.startsWith('vfs') || links === 'no links') return written
  await mkdir(join(folder, 'overlay/l'), { recursive: true, mode: 0o700 })
  const parents = new Map(layers.map(({ id, parent }) => [id, parent]))
  for (const { id } of layers) {
    await write(`overlay/${id}/link`, linkOf(id))
    const lower = below(id, parents).map((parent) => `l/${linkOf(parent)}`)
    if (lower.length > 0) await write(`overlay/${id}/lower`, lower.join(':'))
    // Empty folders that overlay mounts on, and, for a layer without others below, mounts with.
    for (const name of lower.length > 0 ? ['merged', 'work'] : ['merged', 'work', 'empty']) {
      await mkdir(join(folder, 'overlay', id, name), { mode: 0o700 })
      written.push(`overlay/${id}/${name}`)
    }
    await symlink(`../${id}/diff`, join(folder, 'overlay/l', linkOf(id)))
    written.push(`overlay/l/${linkOf(id)}`)
  }
  return written
}

/** Ids of all layers under one, the nearest first. */
function below(id: string, parents: ReadonlyMap<string, string | undefined>): string[] {
  const found: string[] = []
  for (let parent = parents.get(id); parent !== undefined; parent = parents.get(parent)) found.push(parent)
  return found
}

/** The short name by which mount options name a layer: 26 capitals and digits, like the random ones. */
function linkOf(id: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bytes = createHash('sha256').update(id).digest().subarray(0, 26)
  return [...bytes].map((byte) => alphabet[byte % alphabet.length]).join('')
}
