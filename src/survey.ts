import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { digestFile } from './digest.js'
import { type CopyPattern, copyPattern } from './dockerfile/copies.js'
import type { ReachedPath } from './dockerfile/reach.js'
import type { Ignores } from './ignored.js'
import { inParallel } from './parallel.js'

/** What of a context is looked at. */
export interface SurveyRequest {
  /** Absolute path of the context. */
  readonly context: string
  readonly paths: readonly ReachedPath[]
  readonly ignores: Ignores
  /** Beyond this it rejects. */
  readonly limits?: { readonly bytes: number; readonly files: number } | undefined
}

/** What lies in a context, with digests of it: names, types, modes, contents and what links point to; no times, no owners. */
export interface Survey {
  /**
   * SHA-256 over what these paths take, which must be among those that were asked for.
   * @throws Error where something can't be read
   */
  digestOf(paths: readonly ReachedPath[]): Promise<string>
  /** Bytes of all files that were asked for. */
  readonly bytes: number
  /** Files and links that these paths take: paths relative to the context, with `/`. */
  listOf(paths: readonly ReachedPath[]): string[]
  /** Whether these paths would take something of this name, were it there. */
  takes(paths: readonly ReachedPath[], name: string): boolean
}

/** Something in the context: its path in there, and what it is. */
interface Found {
  readonly path: string
  /** Type, mode and, of a link, where it points to. */
  readonly kind: string
  readonly ignored: boolean
  readonly isFolder: boolean
  /** Of a file. */
  readonly bytes: number | undefined
}

/** Up to this size a file is read at once: a call for each small file that waits would cost several times more. */
const SMALL_BYTES = 2 ** 20
/** So much is read before others have their turn. */
const TURN_BYTES = 2 ** 18
const LARGE_AT_ONCE = 4
const ALL: CopyPattern = { takes: () => true, leadsThrough: () => true, depth: 0 }

/**
 * Looks at what some paths take of a context. Contents are read once, when the first digest is asked for. Where a link
 * leads to what is taken, or only the engine can read a path, it is all of the context.
 * @throws Error where a folder can't be read, or there is more than the limits allow
 */
export async function surveyContext({ context, paths, ignores, limits }: SurveyRequest): Promise<Survey> {
  const tree = new Map(paths.map((path) => [keyOf(path), copyPattern(path.path) ?? ALL]))
  const isMounted = paths.some(({ mounted }) => mounted)
  const where = { context, ignores, limits, isMounted }
  const first = await list({ ...where, patterns: [...tree.values()] })
  const isAll = first.links
  const patternOf = (path: ReachedPath) => (isAll ? ALL : (tree.get(keyOf(path)) ?? ALL))
  const found = isAll ? (await list({ ...where, patterns: [ALL] })).found : first.found
  const readable = found.filter(({ ignored }) => isMounted || !ignored)
  let digesting: Promise<ReadonlyMap<string, string>> | undefined
  const takenBy = (wanted: readonly ReachedPath[]) => {
    const rules = wanted.map((path) => ({ ...patternOf(path), mounted: path.mounted }))
    return ({ path, ignored }: Pick<Found, 'path' | 'ignored'>) =>
      rules.some(({ takes, mounted }) => (mounted || !ignored) && takes(path))
  }
  return {
    bytes: readable.reduce((sum, { bytes = 0 }) => sum + bytes, 0),
    async digestOf(wanted) {
      digesting ??= digestAll(context, readable)
      const digests = await digesting
      const hash = createHash('sha256')
      for (const one of found.filter(takenBy(wanted)))
        hash.update(`${one.path}\0${one.kind}\0${digests.get(one.path) ?? ''}\0`)
      return hash.digest('hex')
    },
    listOf: (wanted) => found.filter((one) => !one.isFolder && takenBy(wanted)(one)).map(({ path }) => path),
    takes: (wanted, path) => takenBy(wanted)({ path, ignored: ignores(path) }),
  }
}

function keyOf({ path, mounted }: ReachedPath): string {
  return `${mounted ? 'mount' : 'copy'} ${path}`
}

interface Listing extends Omit<SurveyRequest, 'paths'> {
  readonly patterns: readonly CopyPattern[]
  /** Whether what is left out counts as well. */
  readonly isMounted: boolean
}

async function list(listing: Listing): Promise<{ found: Found[]; links: boolean }> {
  const { context, ignores, limits, patterns, isMounted } = listing
  const found: Found[] = []
  const most = limits ?? { bytes: Infinity, files: Infinity }
  let [seen, bytes, links] = [0, 0, false]
  const visit = async (folder: string, depth: number): Promise<void> => {
    await othersTurn()
    for (const name of readdirSync(join(context, folder)).sort()) {
      const path = folder === '' ? name : `${folder}/${name}`
      const place = found.length
      const stats = lstatSync(join(context, path))
      const isOnTheWay = patterns.filter(({ leadsThrough }) => leadsThrough(path))
      if (isOnTheWay.length > 0 && patterns.some(({ takes }) => takes(path))) {
        const one = describeFound(context, path, stats, ignores(path))
        found.push(one)
        bytes += one.bytes ?? 0
      }
      // What lies behind it is what is taken.
      links ||= stats.isSymbolicLink() && isOnTheWay.some((pattern) => pattern.depth >= depth)
      seen += 1
      if (bytes > most.bytes || seen > most.files) throw new Error('the context is large')
      if (!stats.isDirectory() || isOnTheWay.length === 0) continue
      // Nothing below it counts: `.git` and the like are large.
      if (!isMounted && ignores.hasExceptions === false && ignores(path)) continue
      await visit(path, depth + 1)
      // A folder that is left out may have something in it that isn't, and is taken with it.
      const [own, ...below] = ignores(path) ? found.slice(place) : []
      if (own?.path === path && below.some(({ ignored }) => !ignored)) found[place] = { ...own, ignored: false }
    }
  }
  if (patterns.length > 0) await visit('', 1)
  return { found, links }
}

function describeFound(context: string, path: string, stats: Stats, ignored: boolean): Found {
  const target = stats.isSymbolicLink() ? readlinkSync(join(context, path)) : ''
  const kind = `${stats.mode} ${target}`
  return { path, kind, ignored, isFolder: stats.isDirectory(), bytes: stats.isFile() ? stats.size : undefined }
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
  const digestLarge = inParallel(large, LARGE_AT_ONCE, async ({ path }) => {
    digests.set(path, (await digestFile(join(context, path))).sha256)
  })
  await Promise.all([digestSmall(), digestLarge])
  return digests
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}
