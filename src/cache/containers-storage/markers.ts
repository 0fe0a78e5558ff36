import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { ContainersStorage } from '../../build-storage.js'
import { objectOf } from '../../lib/json.js'
import { readPlain } from '../../lib/plain-file.js'
import type { Skeletons } from '../cache.js'
import { listContents, placesOf } from './layout.js'
import type { LayerRecord } from './records.js'
import { idsOf, type Restorable } from './select.js'
import { HOLE_BYTES } from './skeleton-bundle.js'
import type { SkeletonPlan } from './skeleton-plan.js'

const unzip = promisify(gunzip)
const MAX_ZIPPED = 256 * 2 ** 20
const MAX_BYTES = 2 ** 30
/** The CRC-64 of so many zeros, as tar-split writes it. */
const HOLE_SUM = 'zJBv/5A8/9I='
/** Where a content was in an archive. */
const CONTENT = 1

/** The skeletons of a root, and what is to be found in what is built on them. */
export function skeletonsIn(
  root: string,
  store: ContainersStorage,
  offered: Restorable,
  { layers, stages, savedBytes }: SkeletonPlan,
): Omit<Skeletons, 'replace'> {
  return {
    ...{ layers, stages, savedBytes },
    async findContent() {
      const known = idsOf(offered)
      const made = (await listContents(root, store.layout)).layers.filter(({ id }) => !known.has(id))
      for (const layer of made)
        if (await hasHole(layer, root, store)) return 'a new layer has a file of one without content'
      return undefined
    },
  }
}

/** Whether a file of a layer has what files of skeletons have. @throws Error if it can't be read */
async function hasHole({ id }: LayerRecord, root: string, { layout }: ContainersStorage): Promise<boolean> {
  const zipped = await readPlain(join(root, placesOf(layout).splitOf(id)), MAX_ZIPPED)
  if (zipped === undefined) throw new Error('a new layer has no list of its files')
  return namesHole(await unzip(zipped, { maxOutputLength: MAX_BYTES }))
}

/** The same by what containers/storage keeps of the archive of a layer: a line of JSON for each content. Pure. */
export function namesHole(lines: Buffer): boolean {
  const size = `"size":${HOLE_BYTES}`
  // Few files are so large: the others needn't be parsed.
  for (let at = lines.indexOf(size); at >= 0; at = lines.indexOf(size, at + 1)) {
    const end = lines.indexOf(0x0a, at)
    const line = lines.toString('utf8', lines.lastIndexOf(0x0a, at) + 1, end < 0 ? lines.length : end)
    const entry = objectOf(JSON.parse(line))
    if (entry['type'] === CONTENT && entry['size'] === HOLE_BYTES && entry['payload'] === HOLE_SUM) return true
  }
  return false
}
