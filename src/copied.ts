import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { digestFile } from './digest.js'
import { copiedPaths, copyPattern } from './dockerfile/copies.js'
import { type Ignores, readIgnored } from './ignored.js'
import type { Source } from './source.js'

/** Beyond this it would take longer than it is good for. */
const MAX_BYTES = 256 * 2 ** 20
const MAX_FILES = 50_000
/** Up to this size a file is read at once: a call for each small file that waits would cost several times more. */
const SMALL_BYTES = 2 ** 20
/** So much is read before others have their turn. */
const TURN_BYTES = 2 ** 18

/** Something in the context: its path in there, and what it is. */
interface Found {
  readonly path: string
  readonly full: string
  /** Type, mode and, of a link, where it points to. */
  readonly kind: string
  /** Of a file. */
  readonly bytes: number | undefined
}

/**
 * Digests of what the COPY and ADD instructions of a Dockerfile take from the context, by their paths: names, types,
 * modes, contents and what links point to; no times and no owners. What can't be told, or takes too long, is left out.
 * Never rejects.
 */
export async function digestCopied(
  source: Pick<Source, 'context' | 'file' | 'dockerfile'>,
): Promise<Map<string, string>> {
  const patterns = copiedPaths(source.dockerfile).flatMap((path) => {
    const pattern = copyPattern(path)
    return pattern === undefined ? [] : [{ path, pattern }]
  })
  if (patterns.length === 0) return new Map()
  try {
    const isWanted = (path: string) => patterns.some(({ pattern }) => pattern.test(path))
    const found = await list(source.context, isWanted, await readIgnored(source))
    const digests = await digestAll(found)
    return new Map(patterns.map(({ path, pattern }) => [path, digestOf(found, digests, pattern)]))
  } catch {
    return new Map()
  }
}

async function list(context: string, isWanted: (path: string) => boolean, ignores: Ignores): Promise<Found[]> {
  const found: Found[] = []
  let bytes = 0
  const add = (path: string, full: string, stats: Stats) => {
    const target = stats.isSymbolicLink() ? readlinkSync(full) : ''
    found.push({ path, full, kind: `${stats.mode} ${target}`, bytes: stats.isFile() ? stats.size : undefined })
    bytes += stats.isFile() ? stats.size : 0
    if (bytes > MAX_BYTES || found.length > MAX_FILES) throw new Error('it is large')
  }
  const visit = async (folder: string): Promise<void> => {
    await othersTurn()
    for (const name of readdirSync(join(context, folder)).sort()) {
      const path = folder === '' ? name : `${folder}/${name}`
      const full = join(context, path)
      const stats = lstatSync(full)
      if (isWanted(path) && !ignores(path)) add(path, full, stats)
      // A folder that is left out may have something in it that isn't.
      if (stats.isDirectory()) await visit(path)
    }
  }
  await visit('')
  return found
}

async function digestAll(found: readonly Found[]): Promise<Map<string, string>> {
  const digests = new Map<string, string>()
  let read = 0
  for (const { path, full, bytes } of found) {
    if (bytes === undefined) continue
    const isSmall = bytes <= SMALL_BYTES
    digests.set(path, isSmall ? sha256(readFileSync(full)) : (await digestFile(full)).sha256)
    read += bytes
    if (read < TURN_BYTES) continue
    read = 0
    await othersTurn()
  }
  return digests
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

function digestOf(found: readonly Found[], digests: ReadonlyMap<string, string>, pattern: RegExp): string {
  const hash = createHash('sha256')
  for (const { path, kind } of found)
    if (pattern.test(path)) hash.update(`${path}\0${kind}\0${digests.get(path) ?? ''}\0`)
  return hash.digest('hex')
}
