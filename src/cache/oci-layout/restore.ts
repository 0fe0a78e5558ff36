import { constants } from 'node:fs'
import { link, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { mapConcurrent } from '../../lib/concurrency.js'
import { lackOfRoom } from '../../lib/disk-space.js'
import { bytesOf, fetchPart, type StagingOptions } from '../backends/parts.js'
import type { Restored } from '../cache.js'
import { isWhole } from './files.js'
import type { BlobFile, BlobIndex } from './index.js'

const FETCH_CONCURRENCY = 3

/**
 * Fills a folder with the steps that a run has left with a service.
 * @throws Error when anything of the folder is missing or wrong
 */
export async function fill(
  { files, parts, layout, seconds }: BlobIndex,
  root: string,
  place: StagingOptions,
): Promise<Restored> {
  const lack = await lackOfRoom(root, bytesOf(files))
  if (lack !== undefined) throw new Error(lack)
  await mapConcurrent(parts, FETCH_CONCURRENCY, async (part) => {
    const path = await fetchPart(part, place)
    await unpack(
      path,
      part.bytes,
      files.filter((file) => file.part === part.sha256),
      root,
    )
    await rm(path)
  })
  if (!(await isWhole(root, layout))) throw new Error('the restored steps are incomplete')
  const bytes = bytesOf(parts)
  const stepSeconds = new Map(seconds)
  return { images: stepSeconds.size, parts: parts.length, bytes, seconds: 0, stepSeconds, failures: [] }
}

/** The part is checked: what is in it, by the index, is what the run has left that wrote both. */
async function unpack(part: string, size: number, files: readonly BlobFile[], root: string): Promise<void> {
  const handle = await open(part, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    for (const { path, sha256, bytes, offset, part: name } of files) {
      const target = join(root, path)
      await mkdir(dirname(target), { recursive: true })
      if (name === sha256) await link(part, target)
      else {
        if (offset + bytes > size) throw new Error('a part of the cache is shorter than the index says')
        const { buffer } = await handle.read(Buffer.alloc(bytes), 0, bytes, offset)
        await writeFile(target, buffer, { flag: 'wx' })
      }
    }
  } finally {
    await handle.close()
  }
}
