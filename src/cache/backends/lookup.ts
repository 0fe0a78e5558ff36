import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { indexPath, indexPrefix } from '../key.js'
import type { RemoteOptions } from '../options.js'
import { readPlain } from '../plain-file.js'

const TIMEOUT_MS = 15_000
/** An index of a thousand steps has about 2 MiB. */
const MAX_BYTES = 32 * 2 ** 20

/**
 * Gets the text of the newest index that runs on a ref have left of a scope; undefined where there is none. One ref is
 * looked for once at a time: its file has the same place every time.
 * @throws Error when it is no text of a sensible size
 */
export async function fetchIndex(
  ref: string,
  { entries, scope, stagingDir }: Pick<RemoteOptions, 'entries' | 'scope' | 'stagingDir'>,
): Promise<string | undefined> {
  const path = indexPath(ref)
  // What another look has left there.
  await rm(join(stagingDir, path), { recursive: true, force: true })
  if ((await entries.fetch(indexPrefix(scope, ref), path, TIMEOUT_MS, MAX_BYTES)) === undefined) return undefined
  return (await readPlain(join(stagingDir, path), MAX_BYTES))?.toString('utf8')
}
