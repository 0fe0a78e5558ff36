import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildRecordKey, buildRecordPath, buildRecordPrefix, indexKey, indexPath, indexPrefix } from '../key.js'
import { readPlain } from '../../lib/plain-file.js'
import type { Held } from './entries.js'
import type { Author, StagingOptions } from './parts.js'

/** A kind of text that each branch leaves with a service, of which the newest counts. */
export interface TextKind {
  readonly key: (scope: string, ref: string, unique: string) => string
  readonly prefix: (scope: string, ref: string) => string
  readonly path: (ref: string) => string
  readonly timeoutMs: number
  readonly maxBytes: number
}

export const INDEX: TextKind = {
  ...{ key: indexKey, prefix: indexPrefix, path: indexPath, timeoutMs: 15_000 },
  // One of a thousand steps has about 2 MiB.
  maxBytes: 32 * 2 ** 20,
}
export const BUILD_RECORD: TextKind = {
  ...{ key: buildRecordKey, prefix: buildRecordPrefix, path: buildRecordPath, timeoutMs: 5000, maxBytes: 2 ** 20 },
}

/**
 * Gets the newest text that runs on a ref have left of a scope; undefined if there is none. One ref is looked for once
 * at a time: its file has the same place every time.
 * @throws Error when it is no text of a sensible size
 */
export async function fetchText(
  { prefix, path, timeoutMs, maxBytes }: TextKind,
  ref: string,
  { entries, scope, stagingDir }: StagingOptions & { readonly scope: string },
): Promise<string | undefined> {
  const file = join(stagingDir, path(ref))
  await mkdir(stagingDir, { recursive: true })
  // What another look has left there.
  await rm(file, { recursive: true, force: true })
  if ((await entries.fetch(prefix(scope, ref), path(ref), timeoutMs, maxBytes)) === undefined) return undefined
  return (await readPlain(file, maxBytes))?.toString('utf8')
}

interface TextPlace extends StagingOptions {
  readonly timeoutMs?: number
  /** Parts that the text names. */
  readonly holds?: readonly Held[]
}

/** Leaves a text with a service. @returns whether it was taken */
export async function storeText(
  kind: TextKind,
  text: string,
  { scope, ref, unique }: Author,
  { entries, stagingDir, timeoutMs = kind.timeoutMs, holds = [] }: TextPlace,
): Promise<boolean> {
  const path = kind.path(ref)
  // What came from the service lies there, and may be a link.
  await rm(join(stagingDir, path), { recursive: true, force: true })
  await writeFile(join(stagingDir, path), text, { mode: 0o600, flag: 'wx' })
  return (await entries.store(kind.key(scope, ref, unique), path, timeoutMs, holds)) === 'stored'
}
