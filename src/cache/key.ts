import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import type { Event } from '../runner/event.js'
import { quote } from '../lib/quote.js'

/** What the layers of a scope have in common: builds that may find one another's. */
export interface ScopeFacts {
  /** The input `cache-scope`. */
  readonly scope: string | undefined
  /** Names of the image without tags, `docker.io/acme/web`; their order doesn't count. */
  readonly images: readonly string[]
  /** The input `context`, as it is written. */
  readonly context: string
  /** The Dockerfile, as it is written or found. */
  readonly file: string | undefined
  readonly target: string | undefined
  /** `linux/amd64`. */
  readonly platform: string
  /** Whether it has the stages that the images of several platforms share; absent mostly. */
  readonly isOfStages?: boolean
  /** `owner/name`: a directory of a machine serves several. */
  readonly repository: string
}

export interface Scope {
  /** 16 hexadecimal digits. */
  readonly id: string
  /** What it was made of, for the log. */
  readonly text: string
}

/** The ref of a step that no event has started. */
const NO_REF = 'local'
/** Begins the name of every entry; with another number, those of before aren't seen any more. */
const FAMILY = 'rib1'

/** The scope of a build: by the word of the user, else by the names of its image, else by its context. Pure. */
export function scopeOf(facts: ScopeFacts): Scope {
  const { scope, images, context, file, target, platform, isOfStages = false, repository } = facts
  const names = [...new Set(images)].sort()
  const made: readonly (readonly [what: string, value: string])[] = [
    ...(scope !== undefined ? [['scope', scope] as const] : []),
    ...(scope === undefined ? names.map((name) => ['image', name] as const) : []),
    ...(scope === undefined && names.length === 0 ? [['context', withoutRef(context)] as const] : []),
    ...(file === undefined ? [] : [['file', posix.normalize(file)] as const]),
    ...(target === undefined ? [] : [['target', target] as const]),
    ['platform', platform],
    ...(isOfStages ? [['of', 'shared stages'] as const] : []),
  ]
  return {
    id: digest(JSON.stringify([repository, made]), 16),
    text: made.map(([what, value]) => `${what} ${quote(value)}`).join(', '),
  }
}

/** The name of an entry for an index. @param unique what no other entry of the scope has, such as `Event.unique` */
export function indexKey(scope: string, ref: string, unique: string): string {
  return indexPrefix(scope, ref) + uniqueName(unique)
}

/** What the names of all indexes of a scope begin with that runs on this ref wrote. */
export function indexPrefix(scope: string, ref: string): string {
  return `${FAMILY}-i-${scope}-${refDigest(ref)}-`
}

/** The name of an entry for a note. @param unique what no other entry of the scope has */
export function buildRecordKey(scope: string, ref: string, unique: string): string {
  return buildRecordPrefix(scope, ref) + uniqueName(unique)
}

/** What the names of all notes of a scope begin with that runs on this ref left: not every server knows branches. */
export function buildRecordPrefix(scope: string, ref: string): string {
  return `${FAMILY}-n-${scope}-${refDigest(ref)}-`
}

/** Where the file of a note lies, relative to a folder that can be another every time. */
export function buildRecordPath(ref: string): string {
  return `note-${refDigest(ref)}.json`
}

/** The name of an entry for a part, whoever made it. */
export function partKey(sha256: string): string {
  return `${FAMILY}-p-${sha256}`
}

/** The SHA-256 of the part that an entry of this name is; undefined for a text. */
export function partOfKey(key: string): string | undefined {
  return new RegExp(`^${FAMILY}-p-([0-9a-f]{64})`).exec(key)?.[1]
}

/** What the names of all entries have in common that a newer one takes the place of. */
export function newestOf(key: string): string {
  return new RegExp(`^${FAMILY}-[in]-.+?-[0-9a-f]{12}(?=-)`).exec(key)?.[0] ?? key
}

/** The names in common, see `newestOf()`, of the indexes of a scope, and of the note beside one of them. */
export const scopeOfIndexes = (newest: string): string => newest.replace(/[0-9a-f]{12}$/, '')
export const isIndex = (newest: string): boolean => newest.startsWith(`${FAMILY}-i-`)
export const noteBeside = (newest: string): string => newest.replace(/^([^-]+)-i-/, '$1-n-')

/**
 * Where the file of an index lies, relative to a folder that can be another every time. The service tells entries by
 * this text, too, so that it is the same for all who look for one.
 */
export function indexPath(ref: string): string {
  return `index-${refDigest(ref)}.json`
}

/** The folder of what a branch alone has, on a machine that stays. */
export function branchFolder(ref: string): string {
  return `branch-${refDigest(ref)}`
}

/** Where the file of a part lies, relative to a folder that can be another every time. */
export function partPath(sha256: string): string {
  return `part-${sha256}`
}

/** The ref that a run writes its index under. */
export function ownRef({ ref }: Pick<Event, 'ref'>): string {
  return ref === '' ? NO_REF : ref
}

/** Whose indexes a run may use, the best first: its own, the pull request's base, the default branch. */
export function lookupRefs(event: Pick<Event, 'ref' | 'baseRef' | 'defaultBranch'>): string[] {
  const refs = [ownRef(event), event.baseRef, event.defaultBranch]
  return [...new Set(refs.filter((ref) => ref !== undefined))]
}

/** A Git URL with the folder in its repository; the branch or commit would make every scope a new one. */
function withoutRef(context: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\/|^git@/i.test(context)) return context
  return context.replace(/#[^:]*(:?)/, (_, colon: string) => (colon === '' ? '' : '#:'))
}

function uniqueName(unique: string): string {
  return /^[a-z0-9-]{1,100}$/.test(unique) ? unique : digest(unique, 32)
}

/** Refs are of any length and of any characters. */
function refDigest(ref: string): string {
  return digest(ref, 12)
}

function digest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits)
}
