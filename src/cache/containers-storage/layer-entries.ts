import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { objectOf } from '../../lib/json.js'
import type { Layout } from '../../build-storage.js'
import { placesOf, readContents } from './layout.js'
import { readPlain } from '../../lib/plain-file.js'
import { type LayerEntry, readTarHeaders } from '../../lib/tar-headers.js'

const unzip = promisify(gunzip)
/** Headers of a million files. */
const MAX_ZIPPED = 256 * 2 ** 20
const MAX_BYTES = 2 ** 30
/** Kinds of lines of a file of tar-split: the bytes around contents, and where a content was. */
const [CONTENT, AROUND] = [1, 2]

/**
 * What the uppermost layer of each of these images has, in a storage root: that is what the step has put there which the
 * image was made by. By the ids that were given; images that aren't there, or aren't the only one, are left out.
 * @param images ids, or the first characters of them
 * @throws Error if a layer can't be read
 */
export async function listUppermost(
  root: string,
  layout: Layout,
  images: readonly string[],
): Promise<ReadonlyMap<string, readonly LayerEntry[]>> {
  const contents = await readContents(root, layout)
  const listed = new Map<string, readonly LayerEntry[]>()
  for (const image of images) {
    const [found, ...others] = contents.images.filter(({ id }) => id.startsWith(image))
    if (found?.layer === undefined || others.length > 0) continue
    const zipped = await readPlain(join(root, placesOf(layout).splitOf(found.layer)), MAX_ZIPPED)
    if (zipped !== undefined) listed.set(image, entriesOfSplit(await unzip(zipped, { maxOutputLength: MAX_BYTES })))
  }
  return listed
}

/**
 * The entries of a layer by what containers/storage keeps of its archive in addition to the contents of its files: headers and
 * padding, a line of JSON for each piece.
 */
export function entriesOfSplit(lines: Buffer): readonly LayerEntry[] {
  const headers = readTarHeaders()
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf(0x0a, at)
    const line = lines.toString('utf8', at, end < 0 ? lines.length : end)
    at = end < 0 ? lines.length : end + 1
    if (line === '') continue
    const { type, size = 0, payload } = objectOf(JSON.parse(line))
    if (type === AROUND && typeof payload === 'string') headers.add(Buffer.from(payload, 'base64'))
    else if (type === CONTENT && typeof size === 'number') headers.pass(size)
    else throw new Error('a layer has an unknown kind of entry')
  }
  return headers.entries
}
