import { posix } from 'node:path'
import type { RecordedStep } from '../../dockerfile/recorded-steps.js'
import { isObject, objectOf } from '../../lib/json.js'
import type { OciLayout } from '../../build-storage.js'
import type { Part } from '../backends/parts.js'
import type { Limits } from '../containers-storage/retention.js'
import { isId } from '../containers-storage/records.js'

/** A file of a folder of steps, and where it lies in the cache. */
export interface BlobFile {
  /** Relative to the folder, of plain names. */
  readonly path: string
  readonly sha256: string
  readonly bytes: number
  /** SHA-256 of the part that it is, or that holds it among others from `offset` on; '' if none does yet. */
  readonly part: string
  readonly offset: number
}

/** What the last run of a scope left in its folder of steps. */
export interface BlobIndex {
  readonly layout: OciLayout['layout']
  readonly files: readonly BlobFile[]
  readonly parts: readonly Part[]
  /** Seconds that steps took when they ran, by key. */
  readonly seconds: readonly (readonly [key: string, seconds: number])[]
  /** Milliseconds since 1970 when a run last used it. */
  readonly used: number
}

const FORMAT = 1
/** From this size on a file is a part of its own, which other scopes can share and later runs needn't send again. */
const BIG_FILE = 256 * 2 ** 10
/** With one part for the rest and one entry for the index, a run makes at most eleven uploads. */
const MAX_BIG_FILES = 9

export function formatBlobIndex(index: BlobIndex): string {
  return JSON.stringify({ format: FORMAT, ...index })
}

/**
 * Parses the text of an index, every field checked.
 * @throws Error that says what is wrong with it
 */
export function parseBlobIndex(text: string): BlobIndex {
  const { format, layout, files, parts, seconds, used } = objectOf(JSON.parse(text))
  if (format !== FORMAT) throw new Error(`its format is ${String(format)} instead of ${FORMAT}`)
  if (layout !== 'oci-layout' && layout !== 'saved-image') throw new Error('its layout is unknown')
  if (!Array.isArray(files) || !files.every(isFile)) throw new Error('its list of files is damaged')
  if (!Array.isArray(parts) || !parts.every(isPart)) throw new Error('its list of parts is damaged')
  if (!Array.isArray(seconds) || !seconds.every(isTime) || !isCount(used)) throw new Error('its times are damaged')
  return { layout, files, parts, seconds, used }
}

/** Whether what it says can be used here, and isn't too old; pure. */
export function isUsable(index: BlobIndex, layout: OciLayout['layout'], { now, ttlMs }: Limits): boolean {
  return index.layout === layout && index.used >= now - ttlMs
}

/** Divides files that no part holds yet: a large one is a part of its own, everything else goes together. Pure. */
export function divide(files: readonly BlobFile[]): { readonly alone: BlobFile[]; readonly together: BlobFile[] } {
  const fresh = files.filter(({ part }) => part === '')
  const alone = fresh
    .filter(({ bytes }) => bytes >= BIG_FILE)
    .sort((one, other) => other.bytes - one.bytes)
    .slice(0, MAX_BIG_FILES)
  return { alone, together: fresh.filter((file) => !alone.includes(file)) }
}

/** The files with the parts that an earlier index has for the large ones among them; pure. */
export function placed(files: readonly BlobFile[], before: BlobIndex | undefined): BlobFile[] {
  const known = new Set(before?.files.filter(({ part, sha256 }) => part === sha256).map(({ sha256 }) => sha256))
  return files.map((file) => (known.has(file.sha256) ? { ...file, part: file.sha256, offset: 0 } : file))
}

/** How long the steps of a build took when they ran, those included that ran in an earlier one; pure. */
export function secondsOf(
  steps: readonly RecordedStep[],
  before: ReadonlyMap<string, number>,
): readonly (readonly [key: string, seconds: number])[] {
  return steps.map(({ key, hit, seconds }) => [key, hit ? (before.get(key) ?? 0) : seconds])
}

/** Why so many bytes aren't kept, as a sentence; undefined if they may be. Pure. */
export function tooMuch(bytes: number, maxBytes: number): string | undefined {
  if (bytes <= maxBytes) return undefined
  return `nothing was saved: the steps take ${Math.ceil(bytes / 2 ** 20)} MiB, more than "cache-max-size" allows`
}

function isFile(value: unknown): value is BlobFile {
  if (!isObject(value)) return false
  const { path, sha256, bytes, part, offset } = value
  return isPath(path) && isId(sha256) && isCount(bytes) && isId(part) && isCount(offset)
}

/** Nothing that could lead out of the folder. */
function isPath(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > 300 || posix.normalize(value) !== value) return false
  return value.split('/').every((name) => /^[\w.-]+$/.test(name) && name !== '.' && name !== '..')
}

function isPart(value: unknown): value is Part {
  return isObject(value) && isId(value['sha256']) && isCount(value['bytes'])
}

function isTime(value: unknown): value is readonly [string, number] {
  return Array.isArray(value) && value.length === 2 && isId(value[0]) && typeof value[1] === 'number' && value[1] >= 0
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
