import { refuse } from './input-parsers.js'
import { UserError } from '../errors.js'
import { lowered } from '../metadata/images.js'
import { quote } from '../lib/quote.js'
import { formatReference, lowerName, parseReference } from '../metadata/reference.js'

export type Side = 'cache-from' | 'cache-to'

/** One line of `cache-from` or `cache-to`. */
export interface Line<T = Type> {
  readonly side: Side
  readonly type: T
  /** What the type is about, `undefined` where it is left out: a scope, a folder, a repository. */
  readonly value: string | undefined
  readonly mode: Mode
  /** Whether its registry may be asked by plain HTTP or with an unknown certificate. */
  readonly isInsecure?: boolean
  readonly notes: readonly string[]
}

/** What BuildKit exports: every step, or only the layers of the image. Buildah keeps every step. */
export type Mode = 'max' | 'min'

export const TYPES = {
  gha: { kind: 'github', attribute: { 'cache-from': 'scope', 'cache-to': 'scope' } },
  local: { kind: 'directory', attribute: { 'cache-from': 'src', 'cache-to': 'dest' } },
  registry: { kind: 'registry', attribute: { 'cache-from': 'ref', 'cache-to': 'ref' } },
} as const
export type Type = keyof typeof TYPES

/** BuildKit's word for a registry without TLS, or with a certificate that nobody knows. */
const INSECURE = 'registry.insecure'
/** The inline cache, which Buildah doesn't have. */
export const INLINE = 'inline'
const TYPES_ELSEWHERE = [INLINE, 's3', 'azblob']

/** Reads a line. It may hold tokens, so that errors and notes show its type and the names of its attributes only. */
export function readLine(side: Side, line: string): Line<Type | typeof INLINE> {
  if (!line.includes('=')) return registryLine(side, line, 'max', [])
  const attributes = attributesOf(side, line)
  if (attributes.get('type') === INLINE) return { side, type: INLINE, value: undefined, mode: 'max', notes: [] }
  const type = typeOf(side, attributes)
  const own = TYPES[type].attribute[side]
  const value = attributes.get(own) || undefined
  if (value === undefined && type !== 'gha')
    throw new UserError(`Input "${side}": type=${type} has no ${own}.`, `Write \`${side}: ${example(type, side)}\`.`)
  const mode = attributes.get('mode') ?? 'max'
  if (mode !== 'max' && mode !== 'min') throw refuse(side, `mode=${mode}`, 'Allowed: mode=min, mode=max.')
  const known = ['type', 'mode', own, ...(type === 'registry' ? [INSECURE] : [])]
  const notes = ignoredNotes(
    side,
    type,
    [...attributes.keys()].filter((name) => !known.includes(name)),
  )
  if (type !== 'registry') return { side, type, value, mode, notes }
  return { ...registryLine(side, value ?? '', mode, notes), isInsecure: insecureOf(side, attributes) }
}

function insecureOf(side: Side, attributes: ReadonlyMap<string, string>): boolean {
  const written = attributes.get(INSECURE) ?? 'false'
  if (written === 'true' || written === 'false') return written === 'true'
  throw refuse(side, `${INSECURE}=${written}`, `Allowed: ${INSECURE}=true, ${INSECURE}=false.`)
}

function ignoredNotes(side: Side, type: Type, names: readonly string[]): string[] {
  if (names.length === 0) return []
  return [`"${side}": ${names.map(quote).join(', ')} of type=${type} ${names.length === 1 ? 'is' : 'are'} ignored.`]
}

function attributesOf(side: Side, line: string): Map<string, string> {
  const attributes = new Map<string, string>()
  for (const part of line.split(',')) {
    const at = part.indexOf('=')
    const name = part.slice(0, Math.max(at, 0)).trim().toLowerCase()
    if (name === '')
      throw new UserError(
        `Input "${side}": an attribute isn't in the form name=value.`,
        `Write one cache per line, with commas between its attributes: \`type=gha,scope=web\`.`,
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
  throw refuse(
    side,
    written === '' ? '' : `type=${written}`,
    `${TYPES_ELSEWHERE.includes(written) ? 'There is no such cache here. ' : ''}Allowed: type=registry,ref=…; type=gha; type=local,src=… or dest=….`,
    'Without "cache-from" and "cache-to", `cache: auto` uses what the runner offers.',
  )
}

/** The cache has a tag of its own for each scope and branch, so that all it takes is a repository. */
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
    const note = `"${side}": ${dropped} is ignored, because ${value} gets a tag for each cache scope and branch; \`cache-scope\` keeps builds apart.`
    const changed = lower === written ? [] : [`${lowered(side, written, lower)}.`]
    return { side, type: 'registry', value, mode, notes: [...notes, ...changed, ...(dropped === '' ? [] : [note])] }
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`Input "${side}": ${error.message}`, error.hint)
    throw error
  }
}

/** A line to paste. */
export function example(type: Type, side: Side): string {
  const values = { gha: 'web', local: '/path/of/a/folder', registry: 'docker.io/acme/web-cache' }
  return `type=${type},${TYPES[type].attribute[side]}=${values[type]}`
}
