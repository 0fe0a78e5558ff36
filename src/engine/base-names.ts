import type { Reference } from '../metadata/reference.js'

/** One full name, by which the storage knows the image once it is pulled. */
export interface Candidate {
  /** With a tag or a digest, never both. */
  readonly name: Reference
  /** Where it is pulled from, one place after the other: mirrors, then the registry itself. */
  readonly sources: readonly PullSource[]
}

export interface PullSource {
  /** With a tag or a digest, never both. */
  readonly reference: Reference
  /** Whether the configuration allows plain HTTP and unknown certificates there. */
  readonly insecure: boolean
}

/** The images that a name may stand for, of which the first that can be pulled counts; or why they are unknown. */
export type Resolved = { readonly candidates: readonly Candidate[] } | { readonly unknown: string }

/** How an engine resolves the names of base images. */
export interface BaseNames {
  /** By the names as they are written; or why it isn't known, as a sentence without its full stop. */
  readonly candidates: ReadonlyMap<string, readonly Candidate[] | { readonly why: string }>
  /** Registries that may be contacted without TLS. */
  readonly insecure: readonly string[]
  /** What the engine's configuration says of registries, file by file. */
  readonly configuration: readonly string[]
}

/** Resolves each name. @param configuration texts of the configuration files that `resolve` goes by */
export async function resolveAll(
  names: readonly string[],
  configuration: readonly string[],
  resolve: (name: string) => Resolved | Promise<Resolved>,
): Promise<BaseNames> {
  const candidates = new Map<string, readonly Candidate[] | { readonly why: string }>()
  const insecure = new Set<string>()
  for (const name of names) {
    const resolved = await resolve(name)
    if ('unknown' in resolved) {
      candidates.set(name, { why: `it isn't known where ${name} is looked up: ${resolved.unknown}` })
      continue
    }
    candidates.set(name, resolved.candidates)
    for (const source of resolved.candidates.flatMap(({ sources }) => sources))
      if (source.insecure) insecure.add(source.reference.registry)
  }
  return { candidates, insecure: [...insecure], configuration }
}

/** The reference that is pulled: a digest overrides a tag, and without either the tag is `latest`. */
export function exactly({ registry, repository, tag = 'latest', digest }: Reference): Reference {
  return digest === undefined ? { registry, repository, tag } : { registry, repository, digest }
}
