import { bytes, duration } from './amounts.js'
import { boolean, choice, type InputReader, list, refuse } from './input-parsers.js'
import { UserError } from '../errors.js'
import { quote } from '../lib/quote.js'
import { example, INLINE, type Line, type Mode, readLine, type Side, type Type, TYPES } from './cache-lines.js'

/** The inputs `cache…`, combined with `cache-from` and `cache-to` as docker/build-push-action defines them. */
export interface CacheOptions {
  readonly kind: 'auto' | 'github' | 'directory' | 'registry' | 'off'
  /** As written in the input: relative to the workspace, or absolute. */
  readonly directory: string | undefined
  /** Any text. */
  readonly scope: string | undefined
  /** The limit for one scope. */
  readonly maxBytes: number
  /** False if only `cache-to` is given. */
  readonly read: boolean
  /** `never` also if only `cache-from` is given. */
  readonly write: 'auto' | 'always' | 'never'
  readonly ttlMs: number
  /** How long saving may take after the push. */
  readonly deadlineMs: number
  readonly mounts: boolean
  readonly mode: Mode
  /** Repositories, registry included, without tag and digest; they are read in this order. */
  readonly from: readonly string[]
  /** The one that is written. */
  readonly to: string | undefined
  /** Registries of these that may be asked by plain HTTP or with an unknown certificate. */
  readonly insecure: readonly string[]
  /** Sentences on parts of the inputs that are ignored. */
  readonly notes: readonly string[]
}

const SIDES = ['cache-from', 'cache-to'] as const

/**
 * Reads the inputs for the cache.
 * @throws UserError also where two of them contradict each other
 */
export function readCacheOptions(read: InputReader): CacheOptions {
  const text = (name: string) => read(name).trim() || undefined
  const written = SIDES.flatMap((side) => list(read, side, { commas: 'within' }).map((line) => readLine(side, line)))
  const { lines, notes } = withoutInline(written)
  const kind = choice(read, 'cache', ['auto', 'github', 'directory', 'registry', 'off'])
  const write = choice(read, 'cache-write', ['auto', 'always', 'never'])
  const valuesOf = (type: Type, side?: Side) =>
    lines.filter((line) => line.type === type && (side ?? line.side) === line.side).flatMap(({ value }) => value ?? [])
  const missing = SIDES.find((side) => !written.some((line) => line.side === side))
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
    to: oneTarget(unique(valuesOf('registry', 'cache-to'))),
    insecure: unique(lines.flatMap(({ isInsecure, value = '' }) => (isInsecure === true ? [registryOf(value)] : []))),
    notes: unique([...lines.flatMap((line) => line.notes), ...notes, ...oneSidedNote(oneSided, write)]),
  }
}

/**
 * The lines without those of a cache inside the image, and without the registries that it alone would be read from; the
 * cache that a build has without any line takes its place.
 */
function withoutInline(
  written: readonly Line<Type | typeof INLINE>[],
): Pick<CacheOptions, 'notes'> & { lines: Line[] } {
  const others = written.flatMap(({ type, ...line }) => (type === INLINE ? [] : [{ ...line, type }]))
  const inline = unique(written.filter(({ type }) => type === INLINE).map(({ side }) => side))
  const isOfImage = inline.includes('cache-to') && !others.some(({ side }) => side === 'cache-to')
  const lines = isOfImage ? others.filter(({ type }) => type !== 'registry') : others
  const rest = lines.length < others.length ? ' So is type=registry of "cache-from", which would read it.' : ''
  const note = `${inline.map((side) => `"${side}"`).join(', ')}: type=inline is ignored, because Buildah stores no cache inside an image.${rest}`
  return { lines, notes: inline.length === 0 ? [] : [note] }
}

function oneSidedNote(missing: Side | undefined, write: CacheOptions['write']): string[] {
  if (missing === 'cache-from') return ['The cache is not read: "cache-to" is given without "cache-from".']
  if (missing === undefined || write !== 'auto') return []
  return ['The cache is not written: "cache-from" is given without "cache-to".']
}

function kindOf(written: CacheOptions['kind'], lines: readonly Line[]): CacheOptions['kind'] {
  const [first, other] = unique(lines.map(({ type }) => type))
  if (first === undefined) return written
  if (other !== undefined) {
    throw new UserError(
      `Inputs "cache-from" and "cache-to": got type=${first} and type=${other}. A build has one cache.`,
      `Keep one of them, such as \`cache-from: ${example(first, 'cache-from')}\` and \`cache-to: ${example(first, 'cache-to')}\`, or leave out both inputs: \`cache: auto\` needs neither.`,
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

/** The one scope or folder that the inputs name, however often. */
function oneValue(input: string, written: string | undefined, type: Type, values: string[]): string | undefined {
  const [first, other] = unique(written === undefined ? values : [written, ...values])
  if (other === undefined) return first
  const [what, hint] =
    type === 'gha'
      ? [
          'scopes',
          `Write \`cache-scope: ${first ?? ''}\`, and \`type=gha\` alone in the lines. A branch also reads the caches of its base branch and the default branch.`,
        ]
      : [
          'folders',
          `Write \`cache-dir: ${first ?? ''}\` alone, and leave out the lines. The folder is updated in place and needs no second one.`,
        ]
  throw new UserError(
    `Inputs "${input}", "cache-from" and "cache-to": got the ${what} ${quote(first ?? '')} and ${quote(other)}. A build has one.`,
    hint,
  )
}

function oneTarget([first, other]: readonly string[]): string | undefined {
  if (other === undefined) return first
  throw new UserError(
    `Input "cache-to": got the repositories ${quote(first ?? '')} and ${quote(other)}. A build writes one.`,
    `Keep one of them, and write the other one as \`cache-from: type=registry,ref=${other}\` if its layers shall be read.`,
  )
}

function registryOf(name: string): string {
  return name.slice(0, name.indexOf('/'))
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
