import { lstat, readlink } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { placesOf, readContents } from '../../cache/containers-storage/layout.js'
import type { LayerEntry } from '../../lib/tar-headers.js'
import type { Dockerfile } from '../../dockerfile/dockerfile.js'
import type { Step } from '../../engine/progress.js'
import { quote } from '../../lib/quote.js'
import { warn } from '../../log.js'
import type { Source } from '../../source/source.js'
import type { Layout, ContainersStorage } from '../../build-storage.js'
import type { listLayers, StoredLayer } from '../../up-to-date/copied-layers.js'

/** How an overlay says that nothing of a folder in the layers below is seen: that is so where it was none. */
const OPAQUE = '.wh..wh..opq'
/** Said at most; whoever replaces one link by mistake often replaces several. */
const MAX_RECORDS = 5

/** A link that a step has put a folder in the place of. */
export interface ReplacedLink extends Pick<Step, 'stage' | 'index'> {
  /** Relative to the root of the image. */
  readonly path: string
  readonly target: string
}

/** Warns of them, by the layers that the steps of a build have made. Never rejects. */
export async function warnOfReplacedLinks(
  { layout }: ContainersStorage,
  root: string,
  layers: Awaited<ReturnType<typeof listLayers>>,
  { dockerfile }: Source,
): Promise<void> {
  const replaced = 'why' in layers ? [] : await findReplacedLinks(root, layout, layers).catch(() => [])
  for (const text of describeReplacedLinks(replaced, dockerfile)) warn(text)
}

/**
 * Links of the layers below in whose place COPY or ADD have put folders: what the links led to is not found there any
 * more. What can't be looked at counts as no link.
 * @param root of the storage that it was built in
 */
export async function findReplacedLinks(
  root: string,
  layout: Layout,
  layers: readonly StoredLayer[],
): Promise<ReplacedLink[]> {
  const suspects = layers.map((layer) => ({ layer, folders: foldersOf(layer.entries, layout) }))
  if (suspects.every(({ folders }) => folders.length === 0)) return []
  const { images, layers: records } = await readContents(root, layout)
  const parents = new Map(records.map(({ id, parent }) => [id, parent]))
  const found: ReplacedLink[] = []
  for (const { layer, folders } of suspects) {
    const top = images.find(({ id }) => id.startsWith(layer.image))?.layer
    const places = placesBelow(top, parents, layout).map((place) => join(root, place))
    for (const path of folders) {
      const target = await linkIn(places, path)
      if (target !== undefined) found.push({ stage: layer.stage, index: layer.index, path, target })
    }
  }
  return found
}

/** What is to be said of them, a warning for each step. Pure. */
export function describeReplacedLinks(links: readonly ReplacedLink[], { stages }: Dockerfile): string[] {
  const steps = [...new Set(links.map(({ stage, index }) => `${stage} ${index}`))]
  return steps.map((step) => {
    const own = links.filter(({ stage, index }) => `${stage} ${index}` === step)
    const [first] = own
    const instruction = first && stages[first.stage]?.instructions[first.index - 1]
    const place = instruction === undefined ? 'COPY' : `Dockerfile line ${instruction.line}: ${instruction.keyword}`
    const shown = own.slice(0, MAX_RECORDS).map(({ path, target }) => `${quote(`/${path}`)} (to ${quote(target)})`)
    const rest = own.length > MAX_RECORDS ? ` and ${own.length - MAX_RECORDS} more` : ''
    return `${place} replaced these links of the layers below with folders: ${shown.join(', ')}${rest}. The links' targets can't be reached through them anymore. Copy into the target folders instead.`
  })
}

/** Folders that may stand where something else was, those above first, and none below another one. Pure. */
function foldersOf(entries: readonly LayerEntry[], layout: Layout): string[] {
  const plain = (path: string) => posix.join('/', path).replace(/^\/|\/$/g, '')
  const folders = entries.filter(({ kind }) => kind === 'folder').map(({ path }) => plain(path))
  if (layout.startsWith('vfs')) return folders.filter((path) => path !== '')
  const opaque = new Set(entries.map(({ path }) => plain(path)))
  return folders.filter((path) => path !== '' && opaque.has(`${path}/${OPAQUE}`))
}

/** Where the contents of the layers below one lie, the nearest first. Pure. */
function placesBelow(
  top: string | undefined,
  parents: ReadonlyMap<string, string | undefined>,
  layout: Layout,
): string[] {
  const places: string[] = []
  for (let id = parents.get(top ?? ''); id !== undefined && parents.has(id); id = parents.get(id)) {
    places.push(placesOf(layout).ofLayer(id)[0] ?? '')
    // There every layer has all of those below it, too.
    if (layout.startsWith('vfs')) break
  }
  return places
}

/** Where the link leads to that the nearest of these folders which has something at a path has there. */
async function linkIn(places: readonly string[], path: string): Promise<string | undefined> {
  for (const place of places) {
    const kind = await kindIn(place, path)
    if (kind === 'link') return await readlink(join(place, path)).catch(() => undefined)
    if (kind === 'other') return undefined
  }
  return undefined
}

/** What is at a path; never behind a link, which would lead out of the image. */
async function kindIn(place: string, path: string): Promise<'link' | 'other' | undefined> {
  const names = path.split('/')
  for (const [depth] of names.entries()) {
    const stats = await lstat(join(place, ...names.slice(0, depth + 1))).catch(() => undefined)
    if (stats === undefined) return undefined
    if (depth === names.length - 1) return stats.isSymbolicLink() ? 'link' : 'other'
    if (!stats.isDirectory()) return 'other'
  }
  return undefined
}
