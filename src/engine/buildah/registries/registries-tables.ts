import { UserError } from '../../../errors.js'
import { quote } from '../../../lib/quote.js'
import { isObject } from '../../../lib/json.js'

/** One place where images are. */
export interface Endpoint {
  /** What takes the place of the prefix; '' where the name stays as it is. */
  readonly location: string
  readonly insecure: boolean
}

export interface Mirror extends Endpoint {
  /** What it is asked for. */
  readonly pulls: 'all' | 'digest-only' | 'tag-only'
}

/** One `[[registry]]`. */
export interface RegistryTable extends Endpoint {
  readonly prefix: string
  readonly blocked: boolean
  readonly mirrors: readonly Mirror[]
}

/** What all files of a registries.conf(5) say together. */
export interface Tables {
  /** Where short names are looked for; undefined where no file says. */
  readonly search: readonly string[] | undefined
  /** Whether a short name that could be in several registries is an error, as it is without a terminal. */
  readonly isEnforcing: boolean
  readonly aliases: ReadonlyMap<string, string>
  /** By their prefix. */
  readonly registries: ReadonlyMap<string, RegistryTable>
}

/**
 * Reads the main file and its drop-ins as Buildah does: of the same key, prefix or alias the later one counts. The main
 * file may be in version 1 of the format.
 * @throws UserError for what Buildah refuses
 */
export async function readTables([main = '', ...dropIns]: readonly string[]): Promise<Tables> {
  const [first, ...others] = await Promise.all([main, ...dropIns].map(parseToml))
  const files = [readMain(first ?? {}), ...others.map(readDropIn)]
  const registries = new Map(files.flatMap((file) => file.registries.map((table) => [table.prefix, table] as const)))
  refuseContradictions([...registries.values()])
  const aliases = new Map(files.flatMap((file) => file.aliases))
  return {
    search: files.map(({ search }) => search).findLast((search) => search !== undefined),
    isEnforcing: files.map(({ mode }) => mode).findLast((mode) => mode !== '') === 'enforcing',
    // One that is empty takes an earlier one back.
    aliases: new Map([...aliases].filter(([, value]) => value !== '')),
    registries,
  }
}

type Values = Readonly<Record<string, unknown>>

async function parseToml(text: string): Promise<Values> {
  // Most machines have such a file, but not every step looks into it.
  const { parse } = await import('smol-toml')
  try {
    return parse(text)
  } catch (error) {
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw new UserError(`it isn't TOML: ${quote(first)}`)
  }
}

/**
 * The same as version 2 of the format, for a main file in version 1: short names, insecure and blocked registries.
 * @returns undefined for a file that isn't in version 1
 * @throws UserError for what Buildah refuses
 */
export async function convertVersion1(main: string): Promise<string | undefined> {
  const values = await parseToml(main)
  if (!isVersion1(values)) return undefined
  const { search, registries } = readMain(values)
  const tables = registries.flatMap(({ location, insecure, blocked }) => [
    '[[registry]]',
    `location = ${JSON.stringify(location)}`,
    ...(insecure ? ['insecure = true'] : []),
    ...(blocked ? ['blocked = true'] : []),
  ])
  const names = search === undefined ? [] : [`unqualified-search-registries = ${JSON.stringify(search)}`]
  return [...names, ...tables, ''].join('\n')
}

interface File {
  readonly search: readonly string[] | undefined
  /** '' where it isn't said. */
  readonly mode: string
  readonly aliases: readonly (readonly [string, string])[]
  readonly registries: readonly RegistryTable[]
}

/** The keys of version 2, one of which beside version 1 is an error. */
const VERSION_2 = ['registry', 'unqualified-search-registries', 'credential-helpers', 'short-name-mode', 'aliases']

function readMain(values: Values): File {
  if (!isVersion1(values)) return readFile(values)
  const mixed = VERSION_2.find((key) => values[key] !== undefined)
  if (mixed !== undefined) throw new UserError(`it mixes version 1 of the format, [registries.…], with ${mixed}`)
  const version1 = tableOf(values['registries'], 'registries')
  const [insecure = [], blocked = []] = ['insecure', 'block'].map((key) => listIn(version1, key)?.map(asLocation))
  return {
    search: listIn(version1, 'search'),
    mode: '',
    aliases: [],
    registries: [...new Set([...blocked, ...insecure])].map((location) => ({
      prefix: location,
      location,
      insecure: insecure.includes(location),
      blocked: blocked.includes(location),
      mirrors: [],
    })),
  }
}

function readDropIn(values: Values): File {
  if (isVersion1(values)) throw new UserError('a file of registries.conf.d is in version 1 of the format')
  return readFile(values)
}

/** Lists that are empty don't count: such a file may say something in version 2. */
function isVersion1(values: Values): boolean {
  const version1 = values['registries']
  return isObject(version1) && ['search', 'insecure', 'block'].some((key) => listIn(version1, key) !== undefined)
}

/** A list of version 1, `[registries.search]` with `registries = ["docker.io"]`; undefined where it is empty. */
function listIn(version1: Values, key: string): readonly string[] | undefined {
  const list = textsOf(tableOf(version1[key] ?? {}, `registries.${key}`)['registries'], `registries.${key}`)
  return list === undefined || list.length === 0 ? undefined : list
}

function readFile(values: Values): File {
  const search = textsOf(values['unqualified-search-registries'], 'unqualified-search-registries')
  const mode = textOf(values['short-name-mode'] ?? '', 'short-name-mode')
  if (!['', 'enforcing', 'permissive', 'disabled'].includes(mode))
    throw new UserError(`short-name-mode can't be ${quote(mode)}`)
  const aliases = Object.entries(tableOf(values['aliases'] ?? {}, 'aliases'))
  const tables = values['registry'] ?? []
  if (!Array.isArray(tables)) throw new UserError('[registry] is not a list; write [[registry]]')
  return {
    search,
    mode,
    aliases: aliases.map(([name, value]) => [name, textOf(value, `the alias ${quote(name)}`)]),
    registries: tables.map((table: unknown) => readRegistry(tableOf(table, 'registry'))),
  }
}

function readRegistry(table: Values): RegistryTable {
  const location = placeOf(table, 'location')
  const prefix = placeOf(table, 'prefix')
  if (location === '' && !prefix.startsWith('*.'))
    throw new UserError(prefix === '' ? 'a [[registry]] has no location' : `${quote(prefix)} has no location`)
  const mirrors = table['mirror'] ?? []
  if (!Array.isArray(mirrors)) throw new UserError('[registry.mirror] is not a list; write [[registry.mirror]]')
  const byDigest = flagOf(table, 'mirror-by-digest-only')
  return {
    prefix: prefix === '' ? location : prefix,
    location,
    insecure: flagOf(table, 'insecure'),
    blocked: flagOf(table, 'blocked'),
    mirrors: mirrors.map((mirror: unknown) => readMirror(tableOf(mirror, 'mirror'), byDigest)),
  }
}

function readMirror(table: Values, byDigest: boolean): Mirror {
  const location = placeOf(table, 'location')
  if (location === '') throw new UserError('a mirror has no location')
  const written = textOf(table['pull-from-mirror'] ?? '', 'pull-from-mirror')
  if (byDigest && written !== '') throw new UserError('pull-from-mirror and mirror-by-digest-only exclude each other')
  const pulls = (['all', 'digest-only', 'tag-only'] as const).find((one) => one === written)
  if (pulls === undefined && written !== '') throw new UserError(`pull-from-mirror can't be ${quote(written)}`)
  return { location, insecure: flagOf(table, 'insecure'), pulls: pulls ?? (byDigest ? 'digest-only' : 'all') }
}

/** Tables with the same location must agree on how it is spoken to. */
function refuseContradictions(tables: readonly RegistryTable[]): void {
  for (const { location, insecure, blocked } of tables) {
    const same = tables.filter((other) => location !== '' && other.location === location)
    if (same.some((other) => other.insecure !== insecure || other.blocked !== blocked))
      throw new UserError(`several [[registry]] of ${quote(location)} contradict each other`)
  }
}

function placeOf(table: Values, key: string): string {
  return asLocation(textOf(table[key] ?? '', key))
}

function asLocation(text: string): string {
  if (/^https?:\/\//i.test(text)) throw new UserError(`a location must not begin with http://: ${quote(text)}`)
  return text.replace(/\/+$/, '')
}

function textsOf(value: unknown, what: string): readonly string[] | undefined {
  if (value === undefined || (Array.isArray(value) && value.every((one) => typeof one === 'string'))) return value
  throw new UserError(`${what} is not a list of strings`)
}

function flagOf(table: Values, key: string): boolean {
  const value = table[key] ?? false
  if (typeof value !== 'boolean') throw new UserError(`${key} is neither true nor false`)
  return value
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new UserError(`${what} is not a string`)
  return value
}

function tableOf(value: unknown, what: string): Values {
  if (!isObject(value)) throw new UserError(`${what} is not a table`)
  return value
}
