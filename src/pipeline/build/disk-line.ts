import { dirname } from 'node:path'
import { freeBytes } from '../../lib/disk-space.js'
import { formatBytes } from '../../lib/format.js'
import { info } from '../../log.js'

/** Looks at the disk that a folder is on. @returns free bytes */
type Look = (folder: string) => Promise<number>

/**
 * Says how much of the disk is free when a build starts, and how much it has taken when it ends, in whatever way.
 * @param folder of the storage; it may not be there yet
 */
export async function withDiskLine<T>(folder: string, build: () => Promise<T>, look: Look = freeBytes): Promise<T> {
  const free = async () => await look(folder).catch(() => look(dirname(folder)).catch(() => undefined))
  const before = await free()
  if (before !== undefined) info(`Disk: ${formatBytes(before)} free`)
  try {
    return await build()
  } finally {
    const after = await free()
    if (before !== undefined && after !== undefined) info(`Disk: ${taken(before - after)}; ${formatBytes(after)} free`)
  }
}

/** Others write and delete there too. */
function taken(bytes: number): string {
  return bytes >= 0 ? `the build took ${formatBytes(bytes)}` : `${formatBytes(-bytes)} more than before the build`
}
