import type { Restored } from '../../cache/cache.js'
import { saysDiskFull } from '../../cache/errors.js'
import { isUnexplained } from '../../engine/unexplained-failures.js'
import { describe, lastLine } from '../../errors.js'
import { warn } from '../../log.js'
import { WrongArchitectureError } from '../build/image-architecture.js'
import type { RestoredCache } from './restore-cache.js'

/**
 * Takes away what came back from earlier runs, where that may be why a build has failed. A cache never fails a build.
 * @throws the error, where it is something else, or nothing came back
 */
export async function clearAfter(error: unknown, { warm }: RestoredCache): Promise<void> {
  if (warm.clear === undefined || !(error instanceof Error) || !mayBeOfCache(error, warm.restored)) throw error
  warn(`Cache: the build failed with the restored layers; rebuilding without the cache. ${lastLine(error)}`)
  await warm.clear().catch(() => {
    throw error
  })
}

function mayBeOfCache(error: Error, restored: Restored): boolean {
  // On a full disk, what was copied there and isn't needed is room.
  const isFull = restored.parts > 0 && saysDiskFull(describe(error))
  return error instanceof WrongArchitectureError || isUnexplained(error) || isFull
}
