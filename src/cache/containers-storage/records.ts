import { isObject } from '../../lib/json.js'
/**
 * Records of containers/storage, as layers.json and images.json have them. They come back from places that others may
 * write to, so nothing is taken over that isn't known here, and what becomes part of a path is checked.
 */

/** A layer; names, mount points and flags are left out. */
export interface LayerRecord {
  /** 64 hexadecimal digits, as all ids. */
  readonly id: string
  readonly parent?: string
  /** Bytes of its tar archive, not compressed. */
  readonly 'diff-size'?: number
  readonly [field: string]: unknown
}

/** An image; what it says of its files is in the same record. */
export interface ImageRecord {
  readonly id: string
  readonly layer?: string
  readonly names?: readonly string[]
  readonly [field: string]: unknown
}

const ID = /^[0-9a-f]{64}$/
const DIGEST = /^sha256:[0-9a-f]{64}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/
/** What containers/storage keeps next to an image: it writes such names into paths only as base64. */
const BIG_DATA = /^[\w:.=+-]{1,200}$/
/** The grammar of references leaves more out; this is what keeps a name a name. */
const NAME = /^[\w./:@+-]{1,600}$/

type Check = (value: unknown) => boolean

const matches =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value)
/** Sizes that aren't known are -1. */
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= -1
const isText: Check = (value) => typeof value === 'string'
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const mapOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.entries(value).every(([name, one]) => BIG_DATA.test(name) && check(one))

const LAYER_FIELDS: Readonly<Record<string, Check>> = {
  id: matches(ID),
  parent: matches(ID),
  created: matches(TIME),
  'compressed-diff-digest': matches(DIGEST),
  'compressed-size': isCount,
  'diff-digest': matches(DIGEST),
  'diff-size': isCount,
  compression: isCount,
  uidset: listOf(isCount),
  gidset: listOf(isCount),
}

const IMAGE_FIELDS: Readonly<Record<string, Check>> = {
  id: matches(ID),
  digest: matches(DIGEST),
  names: listOf(matches(NAME)),
  layer: matches(ID),
  metadata: isText,
  'big-data-names': listOf(matches(BIG_DATA)),
  'big-data-sizes': mapOf(isCount),
  'big-data-digests': mapOf(matches(DIGEST)),
  created: matches(TIME),
}

/**
 * The known fields of a layer's record.
 * @throws Error that names the field that isn't what it should be
 */
export function readLayer(value: unknown): LayerRecord {
  return pick(value, LAYER_FIELDS) as LayerRecord
}

/**
 * The known fields of an image's record.
 * @throws Error that names the field that isn't what it should be
 */
export function readImage(value: unknown): ImageRecord {
  return pick(value, IMAGE_FIELDS) as ImageRecord
}

/** Whether a layer is still being written, or was when its writer died. */
export function isIncomplete(value: unknown): boolean {
  const flags = isObject(value) ? value['flags'] : undefined
  return isObject(flags) && flags['incomplete'] === true
}

export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value)
}

function pick(value: unknown, fields: Readonly<Record<string, Check>>): Record<string, unknown> {
  if (!isObject(value)) throw new Error('a record is not an object')
  const record: Record<string, unknown> = {}
  for (const [name, check] of Object.entries(fields)) {
    const found = value[name]
    if (found === undefined || found === null) continue
    if (!check(found)) throw new Error(`a record has ${name}: ${JSON.stringify(found).slice(0, 100)}`)
    record[name] = found
  }
  if (record['id'] === undefined) throw new Error('a record has no id')
  return record
}

/** Digests of all manifests that an image came with, an index among them. Pure. */
export function manifestDigests(record: ImageRecord): unknown[] {
  const names = record['big-data-names']
  const manifests = Array.isArray(names) ? names.map((name) => /^manifest-(sha256:.*)$/.exec(String(name))?.[1]) : []
  return [record['digest'], ...manifests]
}
