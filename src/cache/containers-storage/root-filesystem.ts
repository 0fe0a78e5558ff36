import { constants } from 'node:fs'
import { lstat, open, readlink } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Layout } from '../../build-storage.js'
import { objectOf, parseObject, textsOf } from '../../lib/json.js'
import { readPlain, textOfPlain } from '../../lib/plain-file.js'
import { entriesOfSplit } from './layer-entries.js'
import { listContents, placesOf } from './layout.js'

const unzip = promisify(gunzip)
const MAX_LINKS = 40
const MAX_CONFIG = 16 * 2 ** 20
const MAX_SPLIT = 256 * 2 ** 20
/** How an archive says that a folder hides those of the layers below, and what stands in front of the name of what is gone. */
const [OPAQUE, GONE] = ['.wh..wh..opq', '.wh.']

/** An image in a storage root, as its layers show it together. Nothing is mounted. */
export interface StoredImage {
  /** Its configuration. */
  readonly config: Readonly<Record<string, unknown>>
  /** Finds a file; links on its way are followed within the image. Undefined where there is none, or it can't be read. */
  readonly find: (path: string) => Promise<StoredFile | undefined>
}

export interface StoredFile {
  /** Absolute in the image, without links. */
  readonly path: string
  /** The first bytes. */
  readonly head: (bytes: number) => Promise<Buffer | undefined>
  /** Whether a layer above may hide it all the same: only the archives of layers tell which folders do. */
  readonly mayBeHidden: () => Promise<boolean>
}

/** A folder of the image, as one layer has it. */
interface LayerFolder {
  /** Id of the layer; 0 is the uppermost. */
  readonly layer: number
  /** Absolute path on this machine. */
  readonly place: string
}

/** What lies at a name: a folder by all layers that have it, the nearest first. */
type Entry = { readonly folders: readonly LayerFolder[] } | { readonly link: string } | { readonly file: LayerFolder }

/** Where the layers of an image lie, the uppermost first. */
interface Layers {
  readonly ids: readonly string[]
  readonly root: string
  readonly layout: Layout
}

/** @param id of the image, `sha256:…`. @returns undefined where the storage hasn't all of it */
export async function openStoredImage(root: string, layout: Layout, id: string): Promise<StoredImage | undefined> {
  const { images, layers } = await listContents(root, layout)
  const hex = id.replace(/^sha256:/, '')
  const image = images.find((one) => one.id === hex)
  const [place] = placesOf(layout).ofImage(hex)
  if (image === undefined || place === undefined) return undefined
  const name = `=${Buffer.from(`sha256:${hex}`).toString('base64')}`
  const config = await textOfPlain(join(root, place, name), MAX_CONFIG)
  if (config === undefined) return undefined
  const parents = new Map(layers.map(({ id: layer, parent }) => [layer, parent]))
  const ids: string[] = []
  for (let layer = image.layer; layer !== undefined && parents.has(layer); layer = parents.get(layer)) ids.push(layer)
  // There every layer has all of those below it, too.
  const shown = { ids: layout.startsWith('vfs') ? ids.slice(0, 1) : ids, root, layout }
  return { config: parseObject(config), find: (path) => findFile(path, shown) }
}

/**
 * The environment in the configuration of each of these images, `NAME=value`, by the ids that were given; images that
 * aren't there, or aren't the only one, are left out.
 * @param ids or the first characters of them
 */
export async function listEnvironments(
  root: string,
  layout: Layout,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const environments = new Map<string, readonly string[]>()
  if (ids.length === 0) return environments
  const { images } = await listContents(root, layout)
  for (const id of ids) {
    const [found, ...others] = images.filter((image) => image.id.startsWith(id))
    const stored = found === undefined || others.length > 0 ? undefined : await openStoredImage(root, layout, found.id)
    if (stored !== undefined) environments.set(id, textsOf(objectOf(stored.config['config'])['Env']))
  }
  return environments
}

async function findFile(path: string, layers: Layers): Promise<StoredFile | undefined> {
  const top = layers.ids.map((id, layer) => ({ layer, place: join(layers.root, placeOf(id, layers.layout)) }))
  /** The folders on the way, the root first. */
  let way: { readonly name: string; readonly folders: readonly LayerFolder[] }[] = [{ name: '', folders: top }]
  let rest = path.split('/')
  let links = 0
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '' || name === '.') continue
    if (name === '..') {
      way = way.slice(0, Math.max(1, way.length - 1))
      continue
    }
    const entry = await entryIn(way.at(-1)?.folders ?? [], name, layers.layout)
    if (entry === undefined) return undefined
    if ('folders' in entry) way = [...way, { name, folders: entry.folders }]
    else if ('link' in entry) {
      links += 1
      if (links > MAX_LINKS) return undefined
      if (entry.link.startsWith('/')) way = way.slice(0, 1)
      rest = [...entry.link.split('/'), ...rest]
    } else return rest.some((one) => one !== '') ? undefined : storedFile(entry.file, name, way, layers)
  }
  return undefined
}

function storedFile(
  { layer, place }: LayerFolder,
  name: string,
  way: readonly { readonly name: string; readonly folders: readonly LayerFolder[] }[],
  layers: Layers,
): StoredFile {
  const paths = way.map((_, depth) =>
    way
      .slice(1, depth + 1)
      .map((folder) => folder.name)
      .join('/'),
  )
  const above = way.flatMap(({ folders }, depth) =>
    folders
      .filter((folder) => folder.layer < layer)
      .map((folder) => ({ path: paths[depth] ?? '', layer: folder.layer })),
  )
  return {
    path: posix.join('/', paths.at(-1) ?? '', name),
    head: (bytes) => readHead(place, bytes),
    mayBeHidden: async () => {
      for (const one of above) if (await isOpaque(one.path, layers.ids[one.layer] ?? '', layers)) return true
      return false
    },
  }
}

/** What the nearest of these folders has at a name, and where that is a folder, the layers below as well. */
async function entryIn(folders: readonly LayerFolder[], name: string, layout: Layout): Promise<Entry | undefined> {
  const found: LayerFolder[] = []
  for (const { layer, place } of folders) {
    const at = { layer, place: join(place, name) }
    const stats = await lstat(at.place).catch(() => undefined)
    if (stats === undefined) {
      if (layout.startsWith('fuse') && (await isThere(join(place, GONE + name)))) break
      continue
    }
    if (stats.isDirectory()) found.push(at)
    // A device with the number 0 says that what lies below is gone.
    else if (found.length > 0 || (stats.isCharacterDevice() && stats.rdev === 0)) break
    else return stats.isSymbolicLink() ? { link: await readlink(at.place) } : { file: at }
  }
  return found.length === 0 ? undefined : { folders: found }
}

/** Never through a link, and never waiting for a pipe. */
async function readHead(path: string, bytes: number): Promise<Buffer | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    if (!(await file.stat()).isFile()) return undefined
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** By the names in the archive of the layer. What can't be read may hide anything. */
async function isOpaque(path: string, id: string, { root, layout }: Layers): Promise<boolean> {
  try {
    const zipped = await readPlain(join(root, placesOf(layout).splitOf(id)), MAX_SPLIT)
    const entries = zipped === undefined ? [] : entriesOfSplit(await unzip(zipped))
    return entries.some((entry) => posix.join('/', entry.path) === posix.join('/', path, OPAQUE))
  } catch {
    return true
  }
}

function placeOf(id: string, layout: Layout): string {
  return placesOf(layout).ofLayer(id)[0] ?? ''
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  )
}
