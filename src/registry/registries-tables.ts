import { UserError } from '../errors.js'
import { quote } from '../image/quote.js'
import { isObject } from '../json.js'

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
  readonly aliases: ReadonlyMap<string, string>
  /** By their prefix. */
  readonly registries: ReadonlyMap<string, RegistryTable>
}

/**
 * Reads the main file and its drop-ins as Buildah does: of the same key, prefix or alias the later one counts.
 * @throws UserError for what Buildah refuses, and for the old form, which it alone may read
 */
export async function readTables(texts: readonly string[]): Promise<Tables> {
  const files = await Promise.all(texts.map(async (text) => readFile(await parseToml(text))))
  const registries = new Map(files.flatMap((file) => file.registries.map((table) => [table.prefix, table] as const)))
  refuseContradictions([...registries.values()])
  const aliases = new Map(files.flatMap((file) => file.aliases))
  return {
    search: files.map(({ search }) => search).findLast((search) => search !== undefined),
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

interface File {
  readonly search: readonly string[] | undefined
  readonly aliases: readonly (readonly [string, string])[]
  readonly registries: readonly RegistryTable[]
}

function readFile(values: Values): File {
  if (values['registries'] !== undefined) throw new UserError('it has the old form, [registries.search]')
  const search = values['unqualified-search-registries']
  if (search !== undefined && !(Array.isArray(search) && search.every((one) => typeof one === 'string')))
    throw new UserError('unqualified-search-registries is no list of texts')
  const aliases = Object.entries(tableOf(values['aliases'] ?? {}, 'aliases'))
  const tables = values['registry'] ?? []
  if (!Array.isArray(tables)) throw new UserError('[registry] is no list: it is written [[registry]]')
  return {
    search: search,
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
  if (!Array.isArray(mirrors)) throw new UserError('[registry.mirror] is no list: it is written [[registry.mirror]]')
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
  if (pulls === undefined && written !== '') throw new UserError(`pull-from-mirror has no choice ${quote(written)}`)
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
  const text = textOf(table[key] ?? '', key).replace(/\/+$/, '')
  if (/^https?:\/\//i.test(text)) throw new UserError(`${key} is no address with http://: ${quote(text)}`)
  return text
}

function flagOf(table: Values, key: string): boolean {
  const value = table[key] ?? false
  if (typeof value !== 'boolean') throw new UserError(`${key} is neither true nor false`)
  return value
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new UserError(`${what} is no text`)
  return value
}

function tableOf(value: unknown, what: string): Values {
  if (!isObject(value)) throw new UserError(`${what} is no table`)
  return value
}
