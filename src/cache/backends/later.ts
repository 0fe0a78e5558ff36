import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Up to this size, not compressed, what is new is kept at once: it takes about a second. */
export const QUICK_BYTES = 8 * 2 ** 20

/** Writes down what is left to do when the job has ended. @returns the path of the file */
export async function writeLater(stagingDir: string, order: unknown): Promise<string> {
  const path = join(stagingDir, 'later.json')
  // What came from the service may lie there, and be a link.
  await rm(path, { recursive: true, force: true })
  await writeFile(path, JSON.stringify(order), { mode: 0o600, flag: 'wx' })
  return path
}
