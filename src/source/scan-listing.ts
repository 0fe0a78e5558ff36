import { lstatSync, readdirSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { behindLink, type Rule } from './scan-rules.js'

/** Something in a context: its path in there, and what it is. */
export interface Found {
  readonly path: string
  /** Type, mode, of a link, where it points to, and of a device, which it is. */
  readonly kind: string
  readonly ignored: boolean
  readonly isFolder: boolean
  /** No engine copies one. */
  readonly isSocket: boolean
  /** Of a folder that is left out: whether something in it isn't. */
  readonly isParent: boolean
  /** Of a file. */
  readonly bytes: number | undefined
  /** Of a file with several names: the same for all of them. */
  readonly file: string | undefined
  /** Of a link, where it points to. */
  readonly target: string | undefined
  /** Another one when something has been written to it, or another has taken its place. */
  readonly stamp: string
}

/** Where is looked, and how far. */
export interface Listing {
  /** Absolute path of the context. */
  readonly context: string
  /** Whether a path is left out, with every engine. */
  readonly isIgnored: (path: string) => boolean
  /** Whether something in a folder that is left out may not be. */
  readonly hasExceptions: boolean
  readonly limits: { readonly bytes: number; readonly files: number }
}

/** A link, and the rules on whose way it is. */
interface Link {
  readonly path: string
  readonly target: string
  readonly rules: readonly Rule[]
}

/** A link to a link is another round. Where there are more, they may lead to one another for ever. */
const MAX_ROUNDS = 20
const MAX_RULES = 500
const STATS_AT_ONCE = 1000

/** Whether a rule takes it. Pure. */
export function isTaken(
  { path, ignored, isSocket }: Pick<Found, 'path' | 'ignored' | 'isSocket'>,
  { pattern, links, isMounted, isWhole }: Rule,
): boolean {
  return links.has(path) || ((isWhole || !ignored) && (isMounted || !isSocket) && pattern.takes(path))
}

/**
 * Lists what rules take, in the order of names, with the rules that say what lies behind links.
 * @throws Error where a folder can't be read, a link leads nowhere that can be told, or there is more than the limits allow
 */
export async function listTaken(
  listing: Listing,
  first: readonly Rule[],
): Promise<{ readonly found: readonly Found[]; readonly rules: readonly Rule[] }> {
  let rules = first
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { found, links } = await list(listing, rules)
    const all = withLinks(rules, links, listing)
    if (sizeOf(all) === sizeOf(rules)) return { found, rules }
    if (all.length > first.length + MAX_RULES) break
    rules = all
  }
  throw new Error('links in the context form a loop')
}

/** Rules only ever become more, and take more. */
function sizeOf(rules: readonly Rule[]): number {
  return rules.reduce((sum, { links, isWhole }) => sum + 1 + links.size + Number(isWhole), 0)
}

function withLinks(rules: readonly Rule[], links: readonly Link[], listing: Listing): Rule[] {
  const all = new Map<string, Rule>()
  const add = (rule: Rule) => {
    const key = JSON.stringify([rule.of, rule.text])
    if (!all.has(key)) all.set(key, rule)
  }
  for (const rule of rules) {
    const own = links.filter((link) => link.rules.includes(rule))
    if (rule.isGuess) add({ ...rule, isWhole: rule.isWhole || own.some(({ path }) => hidesIgnored(path, listing)) })
    else add({ ...rule, links: new Set([...rule.links, ...own.map(({ path }) => path)]) })
  }
  for (const { path, target, rules: led } of links)
    for (const rule of led) {
      const further = behindLink(rule, path, target)
      if (!rule.isGuess) add(further)
    }
  return [...all.values()]
}

/** Whether something may lie behind a link that is left out where it lies itself. */
function hidesIgnored(path: string, { context, isIgnored }: Listing): boolean {
  try {
    const real = realpathSync(join(context, path))
    const place = relative(context, real)
    return statSync(real).isDirectory() || place.startsWith('..') || isIgnored(place)
  } catch {
    // It leads to nothing here; to an engine, from the context on, it may.
    return true
  }
}

async function list(listing: Listing, rules: readonly Rule[]): Promise<{ found: Found[]; links: Link[] }> {
  const { context, isIgnored, hasExceptions, limits } = listing
  const [found, links]: [Found[], Link[]] = [[], []]
  let [seen, bytes] = [0, 0]
  const visit = async (folder: string, depth: number): Promise<void> => {
    await othersTurn()
    for (const name of readdirSync(join(context, folder)).sort()) {
      const path = folder === '' ? name : `${folder}/${name}`
      const stats = lstatSync(join(context, path))
      const onTheWay = rules.filter(({ pattern }) => pattern.leadsThrough(path))
      seen += 1
      if (seen > limits.files) throw new Error('the context is large')
      if (onTheWay.length === 0) continue
      const ignored = isIgnored(path)
      const led = stats.isSymbolicLink()
        ? onTheWay.filter(({ isGuess, pattern }) => isGuess || pattern.depth >= depth)
        : []
      const place = found.length
      if (led.length > 0 || onTheWay.some(({ pattern }) => pattern.takes(path))) {
        const one = describe(context, path, stats, ignored)
        found.push(one)
        bytes += one.bytes ?? 0
        if (bytes > limits.bytes) throw new Error('the context is large')
        if (led.length > 0) links.push({ path, target: targetOf(context, path), rules: led })
      }
      // Nothing below it counts: `.git` and the like are large.
      if (!stats.isDirectory() || (ignored && !hasExceptions && !onTheWay.some(({ isWhole }) => isWhole))) continue
      await visit(path, depth + 1)
      const [own, ...below] = ignored ? found.slice(place) : []
      if (own?.path === path && below.some((one) => !one.ignored)) found[place] = { ...own, isParent: true }
    }
  }
  if (rules.length > 0) await visit('', 1)
  return { found, links }
}

function describe(context: string, path: string, stats: Stats, ignored: boolean): Found {
  const { dev, ino, mode, nlink, rdev, size } = stats
  const isDevice = stats.isCharacterDevice() || stats.isBlockDevice()
  const target = stats.isSymbolicLink() ? targetOf(context, path) : undefined
  const what = target ?? (isDevice ? String(rdev) : '')
  return {
    ...{ path, kind: `${mode} ${what}`, ignored, isFolder: stats.isDirectory(), isSocket: stats.isSocket() },
    ...{ isParent: false, bytes: stats.isFile() ? size : undefined, target, stamp: stampOf(stats) },
    file: stats.isFile() && nlink > 1 ? `${dev} ${ino}` : undefined,
  }
}

/** The first of these that isn't what it was when it was looked at, or isn't there; undefined where all are. */
export async function firstChanged(
  context: string,
  found: readonly Pick<Found, 'path' | 'stamp'>[],
): Promise<string | undefined> {
  for (const [index, { path, stamp }] of found.entries()) {
    if (index % STATS_AT_ONCE === 0) await othersTurn()
    const stats = lstatSync(`${context}/${path}`, { throwIfNoEntry: false })
    if (stats === undefined || stampOf(stats) !== stamp) return path
  }
  return undefined
}

/** The context itself, as it is now. */
export function stampTop(context: string): Pick<Found, 'path' | 'stamp'> {
  return { path: '', stamp: stampOf(lstatSync(context)) }
}

function stampOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs} ${ctimeMs}`
}

/** Where a link points to. Of two names that aren't UTF-8, the text may be the same. */
function targetOf(context: string, path: string): string {
  const target = readlinkSync(join(context, path), 'buffer')
  const text = target.toString()
  if (!Buffer.from(text).equals(target)) throw new Error(`the link ${path} leads to a name that isn't UTF-8`)
  return text
}
