import { UserError } from '../../../errors.js'
import { formatReference, parseReference, type Reference } from '../../../metadata/reference.js'
import { quote } from '../../../lib/quote.js'
import { exactly, type PullSource, type Resolved } from '../../base-names.js'
import { type Endpoint, type Mirror, readTables, type RegistryTable, type Tables } from './registries-tables.js'

/**
 * What Buildah would make of the name of an image in a Dockerfile: a short name is looked for in each registry that is
 * searched. What it would refuse is unknown. Pure, but for the TOML parser, which is loaded here.
 * @param texts the main registries.conf and its drop-ins in the order in which Buildah reads them, then its own
 *   short-name-aliases.conf, where there is one
 * @param name `debian:12`, `acme/web`, `host/repository@sha256:…`
 * @see containers-registries.conf(5)
 */
export async function resolveName(texts: readonly string[], name: string): Promise<Resolved> {
  try {
    const tables = await readTables(texts)
    const names = fullReferences(name, tables).map(exactly)
    return { candidates: names.map((full) => ({ name: full, sources: sourcesOf(full, tables) })) }
  } catch (error) {
    if (error instanceof UserError) return { unknown: error.message }
    throw error
  }
}

/** A short name made whole, by an alias or by the registries that are searched. */
function fullReferences(name: string, { aliases, search, isEnforcing }: Tables): Reference[] {
  const parsed = parseReference(name)
  const bare = bareName(name)
  if (!isShort(bare)) return [parsed]
  const alias = aliases.get(bare)
  if (alias !== undefined) return [{ ...aliasTarget(bare, alias), ...suffixOf(parsed) }]
  // The private configuration of a step says so where the user's is silent, as Docker has it.
  const registries = search ?? ['docker.io']
  if (registries.length === 0) throw new UserError(`no registry is searched for the short name ${quote(bare)}`)
  if (registries.length > 1 && isEnforcing)
    throw new UserError(`several registries are searched for ${quote(bare)}, and short-name-mode is "enforcing"`)
  return registries.map((registry) => parseReference(`${registry.replace(/\/+$/, '')}/${name}`))
}

function aliasTarget(name: string, alias: string): Reference {
  const { registry, repository, tag, digest } = parseReference(alias)
  if (isShort(alias) || tag !== undefined || digest !== undefined)
    throw new UserError(`the alias of ${quote(name)} is not a name with its registry and nothing else: ${quote(alias)}`)
  return { registry, repository }
}

/** Buildah takes a first part for a host by these signs alone. */
function isShort(bare: string): boolean {
  const [first = '', ...rest] = bare.split('/')
  return rest.length === 0 || !(/[.:]/.test(first) || first === 'localhost')
}

function bareName(name: string): string {
  const [tagged = ''] = name.split('@')
  const colon = tagged.lastIndexOf(':')
  return colon > tagged.lastIndexOf('/') ? tagged.slice(0, colon) : tagged
}

function suffixOf({ tag, digest }: Reference): Pick<Reference, 'tag' | 'digest'> {
  return { ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) }
}

function sourcesOf(reference: Reference, { registries }: Tables): PullSource[] {
  const text = formatReference(reference)
  const [table, length] = longestMatch(text, [...registries.values()])
  if (table === undefined) return [{ reference, insecure: false }]
  if (table.blocked) throw new UserError(`${quote(table.prefix)} is blocked`)
  // For Buildah `example.com` is a prefix of `example.com:5000/…` as well, which nobody who wrote it can have meant.
  if (!table.prefix.includes('/') && text.charAt(length) === ':')
    throw new UserError(`${quote(table.prefix)} is configured, and ${quote(reference.registry)} isn't`)
  const isAsked = ({ pulls }: Mirror) =>
    pulls === 'all' || pulls === (reference.digest === undefined ? 'tag-only' : 'digest-only')
  const endpoints: readonly Endpoint[] = [...table.mirrors.filter(isAsked), table]
  return endpoints.map(({ location, insecure }) => ({
    reference: location === '' ? reference : parseReference(`${location}${text.slice(length)}`),
    insecure,
  }))
}

/** The table whose prefix reaches farthest, and how far. */
function longestMatch(text: string, tables: readonly RegistryTable[]): [RegistryTable | undefined, number] {
  let [found, longest]: [RegistryTable | undefined, number] = [undefined, 0]
  for (const table of tables) {
    const length = matchLength(text, table.prefix)
    if (length > longest) [found, longest] = [table, length]
  }
  return [found, longest]
}

/** How much of a reference a prefix takes; 0 for none of it. */
function matchLength(text: string, prefix: string): number {
  const length = prefix.startsWith('*.') ? wildcardLength(text, prefix.slice(1)) : prefix.length
  const fits = prefix.startsWith('*.') || text.startsWith(prefix)
  return fits && length > 0 && (length === text.length || '/:@'.includes(text.charAt(length))) ? length : 0
}

/** `.example.com` within the host. */
function wildcardLength(text: string, domain: string): number {
  const at = text.indexOf(domain)
  return at < 0 || text.slice(0, at).includes('/') ? 0 : at + domain.length
}
