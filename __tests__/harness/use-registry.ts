import { afterAll } from '@jest/globals'

import { busyboxImage } from './base-image.js'
import { removeFolders } from './folders.js'
import { type Registry, startRegistry } from './registry.js'

/**
 * Starts a registry for all tests of a file, with busybox in it; it is gone after them, and so is every folder that they
 * have made.
 */
export async function useRegistry(): Promise<{ readonly registry: Registry; readonly base: string }> {
  const registry = await startRegistry()
  afterAll(async () => {
    await registry.stop()
    await removeFolders()
  })
  return { registry, base: await busyboxImage(registry.host) }
}
