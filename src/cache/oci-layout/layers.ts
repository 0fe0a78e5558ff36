import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join, posix } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { objectOf } from '../../lib/json.js'
import { readPlain } from '../../lib/plain-file.js'
import { type LayerEntry, readTarHeaders } from '../../lib/tar-headers.js'

/** An image in a folder of steps: texts of its manifest and configuration, which name its layers in the same order. */
export interface SavedImage {
  readonly config: string
  /** Paths below the folder, the lowest first. */
  readonly layers: readonly string[]
}

const MAX_JSON_BYTES = 4 * 2 ** 20
const GZIP = Buffer.from([0x1f, 0x8b])

/**
 * The image that `docker save` has written into a folder.
 * @throws Error if there is none
 */
export async function readSavedImage(root: string): Promise<SavedImage> {
  const images: unknown = JSON.parse(await textIn(root, 'manifest.json'))
  const { Config: config, Layers: layers } = objectOf(Array.isArray(images) ? images[0] : undefined)
  if (typeof config !== 'string' || !Array.isArray(layers)) throw new Error('manifest.json has no image')
  return { config: await textIn(root, config), layers: layers.map(String) }
}

/** Where a blob lies in an OCI layout; pure. */
export function blobPath(digest: string): string {
  return posix.join('blobs', ...digest.split(':'))
}

/**
 * The entries of a layer in a folder of steps, as it is or compressed by gzip.
 * @throws Error if it isn't there, or is something else
 */
export async function listArchive(root: string, path: string): Promise<readonly LayerEntry[]> {
  const file = await open(inside(root, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile()) throw new Error(`${path} is not a regular file`)
    const { buffer } = await file.read(Buffer.alloc(GZIP.length), 0, GZIP.length, 0)
    const source = file.createReadStream({ start: 0, autoClose: false })
    const headers = readTarHeaders()
    const add = async (pieces: AsyncIterable<Buffer>) => {
      for await (const piece of pieces) headers.add(piece)
    }
    await (GZIP.equals(buffer) ? pipeline(source, createGunzip(), add) : pipeline(source, add))
    return headers.entries
  } finally {
    await file.close()
  }
}

async function textIn(root: string, path: string): Promise<string> {
  const content = await readPlain(inside(root, path), MAX_JSON_BYTES)
  if (content === undefined) throw new Error(`${path} is missing`)
  return content.toString()
}

/** Nothing that a document names leads out of its folder. */
function inside(root: string, path: string): string {
  if (!/^[\w./-]+$/.test(path) || path.split('/').includes('..'))
    throw new Error(`${JSON.stringify(path)} is not the path of a layer`)
  return join(root, path)
}
