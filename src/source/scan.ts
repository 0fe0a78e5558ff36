import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { digestFile } from '../lib/hash.js'
import type { ContextPath } from '../dockerfile/dependencies.js'
import type { Ignores } from './ignored-files.js'
import { mapConcurrent } from '../lib/concurrency.js'
import { firstChanged, type Found, isTaken, type Listing, listTaken, stampTop } from './scan-listing.js'
import { keyOf, ruleOf } from './scan-rules.js'

/** What of a context is looked at. */
export interface SurveyRequest {
  /** Absolute path of the context, without links. */
  readonly context: string
  readonly paths: readonly ContextPath[]
  readonly ignores: Ignores
  /** Beyond this it rejects. */
  readonly limits?: Listing['limits'] | undefined
}

/**
 * What lies in a context, with digests of it: names, types, modes, contents, what links point to, and which names are
 * those of one file; no times, no owners.
 */
export interface Survey {
  /**
   * SHA-256 over what these paths take, which must be among those that were asked for.
   * @param parents whether the mode of a folder counts that is left out, and something in it isn't
   * @throws Error where something can't be read
   */
  digestOf(paths: readonly ContextPath[], parents?: boolean): Promise<string>
  /** Bytes of all files that were asked for. */
  readonly bytes: number
  /** Files and links that these paths take: paths relative to the context, with `/`. */
  listOf(paths: readonly ContextPath[]): string[]
  /** The same, with folders. */
  entriesOf(paths: readonly ContextPath[]): string[]
  /** All that these paths take but folders, with what of it an image shows. */
  takenBy(paths: readonly ContextPath[]): TakenFile[]
  /** The first path that has changed since it was looked at; undefined where none has. */
  findChanged(): Promise<string | undefined>
}

/** Something that a path takes of a context. */
export interface TakenFile {
  /** Relative to the context. */
  readonly path: string
  /** Of a file, also of one that a link leads to; undefined for everything else. */
  readonly bytes: number | undefined
  /** Of a link, where it points to. */
  readonly target: string | undefined
  /** Whether the path may name it itself, not only a folder that it is in. */
  readonly isNamed: boolean
}

/** Up to this size a file is read at once: a call for each small file that waits would cost several times more. */
const SMALL_BYTES = 2 ** 20
/** So much is read before others have their turn. */
const TURN_BYTES = 2 ** 18
const LARGE_FILE_CONCURRENCY = 4
const WITHOUT_LIMITS = { bytes: Infinity, files: Infinity }

/**
 * Looks at what some paths take of a context. Contents are read once, when the first digest is asked for. What lies
 * behind a link on the way counts also where it is left out: engines go by the name that the instruction has.
 * @throws Error where a folder can't be read, a link leads nowhere that can be told, or there is more than the limits allow
 */
export async function surveyContext(request: SurveyRequest): Promise<Survey> {
  const { context, paths, ignores, limits = WITHOUT_LIMITS } = request
  const isIgnored = ignores.surely ?? ignores
  const first = new Map(paths.map((path) => [keyOf(path), ruleOf(path)]))
  const listing = { context, isIgnored, hasExceptions: ignores.hasExceptions !== false, limits }
  // What is added at the top of a mount is seen there alone; what is copied is seen in its layer.
  const tops = paths.some(({ path, mounted }) => mounted && path === '') ? [stampTop(context)] : []
  const { found, rules } = await listTaken(listing, [...first.values()])
  const readable = found.filter((one) => rules.some((rule) => isTaken(one, rule)))
  const takenBy = (wanted: readonly ContextPath[]) => {
    const keys = new Set(wanted.map(keyOf))
    const own = rules.filter((rule) => keys.has(rule.of))
    return (one: Parameters<typeof isTaken>[0]) => own.some((rule) => isTaken(one, rule))
  }
  let digesting: Promise<ReadonlyMap<string, string>> | undefined
  return {
    bytes: readable.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    async digestOf(wanted, parents = false) {
      digesting ??= digestAll(context, readable)
      const isWanted = takenBy(wanted)
      const counts = (one: Found) => isWanted(parents && one.isParent ? { ...one, ignored: false } : one)
      return digestOfAll(found.filter(counts), await digesting)
    },
    listOf: (wanted) => found.filter((one) => !one.isFolder && takenBy(wanted)(one)).map(({ path }) => path),
    entriesOf: (wanted) => found.filter(takenBy(wanted)).map(({ path }) => path),
    takenBy(wanted) {
      const keys = new Set(wanted.map(keyOf))
      const own = rules.filter((rule) => keys.has(rule.of))
      return found.flatMap((one) => {
        if (one.isFolder) return []
        const those = own.filter((rule) => isTaken(one, rule))
        if (those.length === 0) return []
        const depth = one.path.split('/').length
        const isNamed = those.some(({ isGuess, pattern }) => isGuess || pattern.depth === depth)
        return [{ path: one.path, bytes: bytesOf(one, context), target: one.target, isNamed }]
      })
    },
    findChanged: () => firstChanged(context, [...tops, ...readable]),
  }
}

/** Bytes of a file, also behind a link, which engines follow where the instruction names it. */
function bytesOf({ path, bytes, target }: Found, context: string): number | undefined {
  if (target === undefined) return bytes
  const start = target.startsWith('/') ? context : join(context, dirname(path))
  try {
    const stats = statSync(join(start, target))
    return stats.isFile() ? stats.size : undefined
  } catch {
    // It leads to nothing that can be seen.
    return undefined
  }
}

function digestOfAll(found: readonly Found[], digests: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256')
  const files = new Map<string, string>()
  for (const { path, kind, file } of found) {
    // The other names of a file are hard links to it in the image as well.
    const first = file === undefined ? path : (files.get(file) ?? path)
    if (file !== undefined) files.set(file, first)
    hash.update(`${path}\0${kind}\0${first === path ? '' : first}\0${digests.get(path) ?? ''}\0`)
  }
  return hash.digest('hex')
}

async function digestAll(context: string, found: readonly Found[]): Promise<Map<string, string>> {
  const digests = new Map<string, string>()
  const files = found.filter(({ bytes }) => bytes !== undefined)
  const isSmall = ({ bytes = 0 }: Found) => bytes <= SMALL_BYTES
  const digestSmall = async () => {
    let read = 0
    for (const { path, bytes = 0 } of files.filter(isSmall)) {
      digests.set(path, sha256(readFileSync(join(context, path))))
      read += bytes
      if (read < TURN_BYTES) continue
      read = 0
      await othersTurn()
    }
  }
  const large = files.filter((file) => !isSmall(file))
  const digestLarge = mapConcurrent(large, LARGE_FILE_CONCURRENCY, async ({ path }) => {
    digests.set(path, (await digestFile(join(context, path))).sha256)
  })
  await Promise.all([digestSmall(), digestLarge])
  return digests
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
