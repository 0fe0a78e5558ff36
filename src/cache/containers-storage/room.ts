import { freeBytes, freeFiles } from '../../lib/disk-space.js'
import type { Place } from './aside.js'

/** In addition to what is there, this much must be free: a build needs room. */
const MIN_FREE_BYTES = 2 ** 30
const MIN_FREE_FACTOR = 2
/** A base image and the packages of a build have some ten thousand. */
const MIN_FREE_FILES = 50_000

/**
 * A disk that fills up would fail the build, where the one of the job might not.
 * @throws Error when little is free
 */
export async function refuseFull({ root, store, folder }: Place, bytes: number): Promise<void> {
  const isLess = (here = 0, there = 0, wanted = 0) => here < wanted && here < there
  const [room, elsewhere] = await Promise.all([root, store.folder].map(freeBytes))
  const [files, filesElsewhere] = await Promise.all([root, store.folder].map(freeFiles))
  const [few] = [
    ...(isLess(room, elsewhere, Math.max(MIN_FREE_FACTOR * bytes, MIN_FREE_BYTES))
      ? [`${Math.floor((room ?? 0) / 2 ** 20)} MiB`]
      : []),
    ...(isLess(files, filesElsewhere, MIN_FREE_FILES) ? [`${files ?? 0} files`] : []),
  ]
  if (few !== undefined) throw new Error(`only ${few} free in ${folder}; building without the cache`)
}
