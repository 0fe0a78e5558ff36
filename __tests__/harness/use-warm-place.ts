import { afterAll } from '@jest/globals'

import { removeFolders } from './folders.js'
import { openWarmPlace, type WarmPlace } from './warm-steps.js'

/** Opens a place for the jobs of a file; it is gone after them, and so is every folder that they have made. */
export async function useWarmPlace(): Promise<WarmPlace> {
  const place = await openWarmPlace()
  afterAll(async () => {
    await place.stop()
    await removeFolders()
  })
  return place
}
