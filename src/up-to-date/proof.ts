import { open } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { isTarHeader, type LayerEntry } from '../lib/tar-headers.js'
import { quote } from '../lib/quote.js'
import type { Source } from '../source/source.js'
import type { TakenFile } from '../source/scan.js'
import type { CopyRead, Inspection } from './inspection.js'
import type { Layers, StepLayer } from './copied-layers.js'

/** What was read of a context, in the words that layers have for it. */
interface Read {
  readonly named: ReadonlySet<string>
  readonly unnamed: ReadonlySet<string>
}

const BLOCK = 512
/** What compressed files begin with, in the formats that engines unpack: gzip, bzip2, xz, zstd. */
const COMPRESSED = ['1f8b', '425a68', 'fd377a585a00', '28b52ffd']
/** How a layer says that something of the ones below is gone. */
const WHITEOUT = '.wh.'

/**
 * Why what was built isn't known to be made of what was read; undefined if it is.
 * @param read when all of it is read: what is read later than it is built must be the same still
 * @returns a sentence without its full stop
 */
export async function findFault(
  list: () => Promise<Layers>,
  read: Promise<unknown>,
  { inspection, source }: { readonly inspection: Inspection; readonly source: Source },
): Promise<string | undefined> {
  const unproved = await whyUnproved(inspection, source.context, await list())
  if (unproved !== undefined) return unproved
  await read
  const changed = await inspection.findChanged()
  if (changed === undefined) return undefined
  return `${changed === '' ? 'the context' : quote(changed)} changed during the build`
}

/**
 * Why what a build has copied isn't known to be what was read for its fingerprint; undefined if it is. What an engine
 * takes of a context is read here by rules that may not be its own: what it has put into the image says what it took.
 * @returns a sentence without its full stop
 */
export async function whyUnproved(
  { copies, read }: Pick<Inspection, 'copies' | 'read'>,
  context: string,
  layers: Layers,
): Promise<string | undefined> {
  if (copies.length === 0) return undefined
  if ('why' in layers) return layers.why
  const known = readOf(read())
  for (const copy of copies) {
    const layer = layers.find(({ stage, index }) => stage === copy.stage && index === copy.index)
    const what = `${copy.keyword} in line ${copy.line}`
    if (layer === undefined) return `can't list the files that ${what} added`
    const other = otherValue(copy, layer)
    if (other !== undefined) return `${what} may have taken other files: ${other}`
    const stranger = firstStranger(layer.entries, known)
    if (stranger === undefined || (await unpacksArchive(copy, context))) continue
    return `${what} added ${quote(stranger.path)}, which is not one of the files that were compared`
  }
  return undefined
}

/** A variable of which the base image may have another value than was taken for it, and why; undefined if there is none. */
function otherValue({ assumed }: CopyRead, { env }: StepLayer): string | undefined {
  for (const [name, value] of assumed) {
    if (env === undefined) return `whether its base image sets ${name} isn't known`
    const set = env.find((one) => one.startsWith(`${name}=`))
    if (set !== undefined && set !== `${name}=${value}`) return `its base image sets ${name}`
  }
  return undefined
}

/** The first file of a layer that is none of those that were read. Pure. */
function firstStranger(entries: readonly LayerEntry[], { named, unnamed }: Read): LayerEntry | undefined {
  const files = entries.filter((entry) => entry.kind !== 'folder' && !isWhiteout(entry))
  const byPath = new Map(files.map((entry) => [entry.path, entry]))
  const asTarget = (entry: LayerEntry): LayerEntry | undefined =>
    entry.kind === 'hard link' ? byPath.get(entry.target) : entry
  // One file may get another name.
  const isKnown = (entry: LayerEntry) => {
    const what = wordFor(asTarget(entry))
    return files.length === 1 ? unnamed.has(what) : named.has(`${what} ${posix.basename(entry.path)}`)
  }
  return files.find((entry) => !isKnown(entry))
}

function isWhiteout({ path, kind, bytes }: LayerEntry): boolean {
  return posix.basename(path).startsWith(WHITEOUT) && kind === 'file' && bytes === 0
}

function wordFor(entry: LayerEntry | undefined): string {
  if (entry === undefined) return ''
  const { kind, bytes, target } = entry
  return kind === 'file' ? fileWord(bytes) : kind === 'link' ? linkWord(target) : kind
}

const fileWord = (bytes: number) => `file ${bytes}`
const linkWord = (target: string) => `link ${target}\0`

function readOf(files: readonly TakenFile[]): Read {
  const read = { named: new Set<string>(), unnamed: new Set<string>() }
  for (const file of files) {
    const name = posix.basename(file.path)
    for (const word of wordsFor(file)) {
      read.named.add(`${word} ${name}`)
      read.unnamed.add(word)
    }
  }
  return read
}

/** A link is copied as one, or as the file that it leads to. */
function wordsFor({ bytes, target }: TakenFile): string[] {
  const file = bytes === undefined ? [] : [fileWord(bytes)]
  if (target !== undefined) return [linkWord(target), ...file]
  return file.length > 0 ? file : ['other']
}

/** Whether ADD may have unpacked one of the files that were read for it: then their members are what it has added. */
async function unpacksArchive({ keyword, files }: CopyRead, context: string): Promise<boolean> {
  if (keyword !== 'ADD') return false
  for (const { path, bytes, isNamed } of files())
    if (isNamed && bytes !== undefined && (await isArchive(join(context, path)))) return true
  return false
}

async function isArchive(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BLOCK), 0, BLOCK, 0)
    const start = buffer.subarray(0, bytesRead)
    return COMPRESSED.some((magic) => start.toString('hex').startsWith(magic)) || isTarHeader(start)
  } finally {
    await file.close()
  }
}
