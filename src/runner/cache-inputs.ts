import { boolean, choice, type InputReader, list, refuse } from './input-parsers.js'
import { UserError } from '../errors.js'
import { lowered } from '../metadata/images.js'
import { quote } from '../lib/quote.js'
import { formatReference, lowerName, parseReference } from '../metadata/reference.js'

/** What the user wants of a cache: the inputs `cache…`, with what docker/build-push-action's `cache-from` and `-to` mean. */
export interface CacheOptions {
  readonly kind: 'auto' | 'github' | 'directory' | 'registry' | 'off'
  /** As it is written: relative to the workspace or absolute. */
  readonly directory: string | undefined
  /** Any text. */
  readonly scope: string | undefined
  /** What is kept of a scope, at most. */
  readonly maxBytes: number
  /** False where only `cache-to` is given. */
  readonly read: boolean
  /** `never` also where only `cache-from` is given. */
  readonly write: 'auto' | 'always' | 'never'
  readonly ttlMs: number
  /** How long saving may take after the push. */
  readonly deadlineMs: number
  readonly mounts: boolean
  /** How much BuildKit gives out: every step, or those alone that are layers of the image. Buildah has every step. */
  readonly mode: 'max' | 'min'
  /** Repositories, registry included, without tag and digest. */
  readonly from: readonly string[]
  readonly to: readonly string[]
  /** Sentences on what was left out of the inputs. */
  readonly notes: readonly string[]
}

type Side = 'cache-from' | 'cache-to'

/** One line of `cache-from` or `cache-to`. */
interface Line {
  readonly side: Side
  readonly type: Type
  /** What the type is about, `undefined` where it is left out: a scope, a folder, a repository. */
  readonly value: string | undefined
  readonly mode: Mode
  readonly notes: readonly string[]
}

type Mode = CacheOptions['mode']

const TYPES = {
  gha: { kind: 'github', attribute: { 'cache-from': 'scope', 'cache-to': 'scope' } },
  local: { kind: 'directory', attribute: { 'cache-from': 'src', 'cache-to': 'dest' } },
  registry: { kind: 'registry', attribute: { 'cache-from': 'ref', 'cache-to': 'ref' } },
} as const
type Type = keyof typeof TYPES

const TYPES_ELSEWHERE = ['inline', 's3', 'azblob']
const HOUR_MS = 3_600_000
const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: HOUR_MS,
  d: 24 * HOUR_MS,
  w: 168 * HOUR_MS,
}

/**
 * Reads the inputs for the cache.
 * @throws UserError also where two of them contradict each other
 */
export function readCacheOptions(read: InputReader): CacheOptions {
  const text = (name: string) => read(name).trim() || undefined
  const lines = (['cache-from', 'cache-to'] as const).flatMap((side) =>
    list(read, side, { commas: 'within' }).map((line) => readLine(side, line)),
  )
  const kind = choice(read, 'cache', ['auto', 'github', 'directory', 'registry', 'off'])
  const write = choice(read, 'cache-write', ['auto', 'always', 'never'])
  const valuesOf = (type: Type, side?: Side) =>
    lines.filter((line) => line.type === type && (side ?? line.side) === line.side).flatMap(({ value }) => value ?? [])
  const missing = (['cache-from', 'cache-to'] as const).find((side) => !lines.some((line) => line.side === side))
  const oneSided = lines.length > 0 ? missing : undefined
  return {
    kind: kindOf(kind, lines),
    directory: oneValue('cache-dir', text('cache-dir'), 'local', valuesOf('local')),
    scope: oneValue('cache-scope', text('cache-scope'), 'gha', valuesOf('gha')),
    maxBytes: bytes('cache-max-size', text('cache-max-size') ?? '2GiB'),
    read: oneSided !== 'cache-from',
    write: oneSided === 'cache-to' && write === 'auto' ? 'never' : write,
    ttlMs: duration('cache-ttl', text('cache-ttl') ?? '7d'),
    deadlineMs: duration('cache-deadline', text('cache-deadline') ?? '2m', 24),
    mounts: boolean(read, 'cache-mounts', false),
    mode: lines.some(({ side, mode }) => side === 'cache-to' && mode === 'min') ? 'min' : 'max',
    from: unique(valuesOf('registry', 'cache-from')),
    to: unique(valuesOf('registry', 'cache-to')),
    notes: unique([...lines.flatMap(({ notes }) => notes), ...oneSidedNote(oneSided, write)]),
  }
}

function oneSidedNote(missing: Side | undefined, write: CacheOptions['write']): string[] {
  if (missing === 'cache-from') return ['The cache is not read: "cache-to" is given without "cache-from".']
  if (missing === undefined || write !== 'auto') return []
  return ['The cache is not written: "cache-from" is given without "cache-to".']
}

/** The lines may hold tokens, so that errors and notes show their types and the names of their attributes only. */
function readLine(side: Side, line: string): Line {
  if (!line.includes('=')) return registryLine(side, line, 'max', [])
  const attributes = attributesOf(side, line)
  const type = typeOf(side, attributes)
  const own = TYPES[type].attribute[side]
  const value = attributes.get(own) || undefined
  if (value === undefined && type !== 'gha')
    throw new UserError(
      `Input "${side}": type=${type} has no ${own}.`,
      `Write \`${side}: type=${type},${own}=${type === 'local' ? '/path/of/a/folder' : 'docker.io/acme/web-cache'}\`.`,
    )
  const mode = attributes.get('mode') ?? 'max'
  if (mode !== 'max' && mode !== 'min') throw refuse(side, `mode=${mode}`, 'Allowed: mode=min, mode=max.')
  const notes = ignoredNotes(
    side,
    type,
    [...attributes.keys()].filter((name) => !['type', 'mode', own].includes(name)),
  )
  return type === 'registry' ? registryLine(side, value ?? '', mode, notes) : { side, type, value, mode, notes }
}

function ignoredNotes(side: Side, type: Type, names: readonly string[]): string[] {
  if (names.length === 0) return []
  return [
    `"${side}": ${names.map(quote).join(', ')} of type=${type} ${names.length === 1 ? 'is' : 'are'} not used here.`,
  ]
}

function attributesOf(side: Side, line: string): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const part of line.split(',')) {
    const at = part.indexOf('=')
    const name = part.slice(0, Math.max(at, 0)).trim().toLowerCase()
    if (name === '')
      throw new UserError(
        `Input "${side}": an attribute isn't of the form name=value.`,
        `Write one cache a line, its attributes with commas between: \`type=gha,scope=web\`.`,
      )
    if (attributes.has(name)) throw refuse(side, name, 'This attribute is given twice in one line; write it once.')
    attributes.set(name, part.slice(at + 1).trim())
  }
  return attributes
}

function typeOf(side: Side, attributes: ReadonlyMap<string, string>): Type {
  const written = attributes.get('type') ?? ''
  const known = (Object.keys(TYPES) as Type[]).find((type) => type === written)
  if (known !== undefined) return known
  if (written === 'inline') {
    throw refuse(
      side,
      'type=inline',
      'Buildah keeps no cache inside an image.',
      `Write \`${side}: type=registry,ref=docker.io/acme/web-cache\`, or leave "cache-from" and "cache-to" out: \`cache: auto\` needs neither.`,
    )
  }
  throw refuse(
    side,
    written === '' ? '' : `type=${written}`,
    `${TYPES_ELSEWHERE.includes(written) ? 'There is no such cache here. ' : ''}Allowed: type=registry,ref=…; type=gha; type=local,src=… or dest=….`,
    'Without "cache-from" and "cache-to", `cache: auto` takes what the runner offers.',
  )
}

/** Buildah names every step by a tag of its own, so that all it takes is a repository. */
function registryLine(side: Side, written: string, mode: Mode, notes: readonly string[]): Line {
  if (Object.hasOwn(TYPES, written) || TYPES_ELSEWHERE.includes(written))
    throw refuse(side, written, `A word alone is the name of an image. Write \`type=${written}\`.`)
  try {
    const lower = lowerName(written)
    const { registry, repository, tag, digest } = parseReference(lower)
    const value = formatReference({ registry, repository })
    const dropped = [...(tag === undefined ? [] : [`:${tag}`]), ...(digest === undefined ? [] : [`@${digest}`])].join(
      '',
    )
    const note = `"${side}": ${dropped} is left away, since Buildah keeps every step under a tag of its own; they are in ${value}.`
    const changed = lower === written ? [] : [`${lowered(side, written, lower)}.`]
    return { side, type: 'registry', value, mode, notes: [...notes, ...changed, ...(dropped === '' ? [] : [note])] }
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`Input "${side}": ${error.message}`, error.hint)
    throw error
  }
}

function kindOf(written: CacheOptions['kind'], lines: readonly Line[]): CacheOptions['kind'] {
  const [first, other] = unique(lines.map(({ type }) => type))
  if (first === undefined) return written
  if (other !== undefined) {
    throw new UserError(
      `Inputs "cache-from" and "cache-to": got type=${first} and type=${other}. A build has one cache.`,
      `Leave out the lines of one of them.`,
    )
  }
  const { kind } = TYPES[first]
  if (written === 'auto' || written === kind) return kind
  const sides = unique(lines.map(({ side }) => `"${side}"`)).join(' and ')
  throw refuse(
    'cache',
    written,
    `It contradicts ${sides} with type=${first}, which is \`cache: ${kind}\`.`,
    `Leave out ${sides}, or \`cache: ${written}\`.`,
  )
}

/** The one scope or folder that is named, in an input of its own or by lines, once or several times. */
function oneValue(input: string, written: string | undefined, type: Type, values: string[]): string | undefined {
  const [first, other] = unique(written === undefined ? values : [written, ...values])
  if (other === undefined) return first
  const [what, hint] =
    type === 'gha'
      ? ['scopes', `Write one of them. A branch finds what its base and the default branch have left by itself.`]
      : [
          'folders',
          `Write \`cache-dir: …\` alone. The folder is brought up to date where it is, and needs no second one.`,
        ]
  throw new UserError(
    `Inputs "${input}", "cache-from" and "cache-to": got the ${what} ${quote(first ?? '')} and ${quote(other)}. A build has one.`,
    hint,
  )
}

/** As Docker has it: `k`, `Ki` and `KiB` are 1024 bytes, `kB` is 1000. */
function bytes(input: string, written: string): number {
  const [, digits, unit = '', byte] = /^(\d+(?:\.\d+)?) ?((?:[kmgt]i?)?)(b?)$/i.exec(written) ?? []
  const base = byte !== '' && unit.length === 1 ? 1000 : 1024
  const size = Math.round(Number(digits) * base ** ' kmgt'.indexOf(unit.charAt(0).toLowerCase() || ' '))
  if (Number.isSafeInteger(size) && size > 0) return size
  throw refuse(input, written, 'Write a number above zero and a unit: `500MB`, `2GiB`, `2g`.')
}

/** As Go writes durations, with days and weeks too: `168h`, `1h30m`, `7d`. */
function duration(input: string, written: string, mostHours?: number): number {
  const parts = [...written.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)]
  const whole = parts.map(([part]) => part).join('') === written
  const sum = Math.round(parts.reduce((ms, [, digits, unit = '']) => ms + Number(digits) * (UNIT_MS[unit] ?? NaN), 0))
  const most = mostHours === undefined ? Number.MAX_SAFE_INTEGER : mostHours * HOUR_MS
  if (whole && sum > 0 && sum <= most) return sum
  const limit = mostHours === undefined ? '' : `, \`${mostHours}h\` at most`
  throw refuse(
    input,
    written,
    `Write a number above zero and a unit (s, m, h, d, w): \`30m\`, \`168h\`, \`7d\`${limit}.`,
  )
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
