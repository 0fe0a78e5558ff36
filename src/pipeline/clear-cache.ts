import { isUnexplained } from '../engine/unexplained-failures.js'
import { lastLine } from '../errors.js'
import { warn } from '../log.js'
import { WrongArchitectureError } from './image-architecture.js'
import type { RestoredCache } from './restore-cache.js'

/**
 * Takes away what came back from earlier runs, where that may be why a build has failed. A cache never fails a build.
 * @throws the error, where it is something else, or nothing came back
 */
export async function clearAfter(error: unknown, { warm }: RestoredCache): Promise<void> {
  if (warm.clear === undefined || !(error instanceof Error) || !mayBeOfCache(error)) throw error
  warn(`Cache: the build failed with the restored layers; rebuilding without the cache. ${lastLine(error)}`)
  await warm.clear().catch(() => {
    throw error
  })
}

function mayBeOfCache(error: Error): boolean {
  return error instanceof WrongArchitectureError || isUnexplained(error)
}
