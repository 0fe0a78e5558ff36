import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { digestFile } from './digest.js'
import { copiedPaths, type CopyPattern, copyPattern } from './dockerfile/copies.js'
import { type Ignores, readIgnored } from './ignored.js'
import type { Source } from './source.js'

/** Beyond this it would take longer than it is good for. */
const MAX_BYTES = 256 * 2 ** 20
const MAX_SEEN = 50_000
/** Up to this size a file is read at once: a call for each small file that waits would cost several times more. */
const SMALL_BYTES = 2 ** 20
/** So much is read before others have their turn. */
const TURN_BYTES = 2 ** 18

/** Something in the context: its path in there, and what it is. */
interface Found {
  readonly path: string
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
    const found = await list(
      source.context,
      patterns.map(({ pattern }) => pattern),
      await readIgnored(source),
    )
    const digests = await digestAll(source.context, found)
    return new Map(patterns.map(({ path, pattern }) => [path, digestOf(found, digests, pattern)]))
  } catch {
    return new Map()
  }
}

async function list(context: string, patterns: readonly CopyPattern[], ignores: Ignores): Promise<Found[]> {
  const found: Found[] = []
  let seen = 0
  let bytes = 0
  const visit = async (folder: string): Promise<void> => {
    await othersTurn()
    for (const name of readdirSync(join(context, folder)).sort()) {
      const path = folder === '' ? name : `${folder}/${name}`
      const stats = lstatSync(join(context, path))
      if (patterns.some(({ takes }) => takes(path)) && !ignores(path)) {
        found.push(describeFound(context, path, stats))
        bytes += stats.isFile() ? stats.size : 0
      }
      seen += 1
      if (bytes > MAX_BYTES || seen > MAX_SEEN) throw new Error('it is large')
      // A folder that is left out may have something in it that isn't.
      if (stats.isDirectory() && patterns.some(({ leadsThrough }) => leadsThrough(path))) await visit(path)
    }
  }
  await visit('')
  return found
}

function describeFound(context: string, path: string, stats: Stats): Found {
  const target = stats.isSymbolicLink() ? readlinkSync(join(context, path)) : ''
  return { path, kind: `${stats.mode} ${target}`, bytes: stats.isFile() ? stats.size : undefined }
}

async function digestAll(context: string, found: readonly Found[]): Promise<Map<string, string>> {
  const digests = new Map<string, string>()
  let read = 0
  for (const { path, bytes } of found) {
    if (bytes === undefined) continue
    const full = join(context, path)
    digests.set(path, bytes <= SMALL_BYTES ? sha256(readFileSync(full)) : (await digestFile(full)).sha256)
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

function digestOf(found: readonly Found[], digests: ReadonlyMap<string, string>, { takes }: CopyPattern): string {
  const hash = createHash('sha256')
  for (const { path, kind } of found) if (takes(path)) hash.update(`${path}\0${kind}\0${digests.get(path) ?? ''}\0`)
  return hash.digest('hex')
}
