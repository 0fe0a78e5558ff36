import type { BaseNames, Candidate, PullSource } from '../engine/base-names.js'
import type { KnownEngine } from '../engine/engine.js'
import { describeInLine, RegistryError } from '../errors.js'
import { formatReference } from '../metadata/reference.js'
import type { Registries } from '../registry/registries.js'

/** Something that can't be told. */
export interface Unknown {
  /** As a sentence without its full stop. */
  readonly why: string
}

/** Base images as their registries have them now. */
export interface Bases {
  /** By the names as they are written. */
  readonly digests: ReadonlyMap<string, string>
  /** The short names that could be in several registries. */
  readonly choices: readonly Choice[]
}

/** The same, by which a storage knows them: by the names as they are written. */
export type NamedBases = ReadonlyMap<string, { readonly name: string; readonly digest: string }>

/** A short name, and the full name of the image that is expected to be pulled for it. */
export interface Choice {
  readonly name: string
  readonly expected: string
  readonly others: readonly string[]
}

/**
 * The digest that each name of a base image points to now, by its registry; nothing is pulled. Or why one isn't known.
 * Never rejects.
 */
export async function digestBases(
  { candidates }: BaseNames,
  found: Pick<KnownEngine, 'ambiguityOf'>,
  registries: Registries,
): Promise<Bases | Unknown> {
  const digests = new Map<string, string>()
  const choices: Choice[] = []
  try {
    const why = await found.ambiguityOf([...candidates.keys()])
    if (why !== undefined) return { why }
    const answers = await Promise.all(
      [...candidates].map(async ([name, those]) => [name, await digestBase(name, those, registries)] as const),
    )
    for (const [name, answer] of answers) {
      if ('why' in answer) return answer
      digests.set(name, answer.digest)
      if (answer.choice !== undefined) choices.push(answer.choice)
    }
    return { digests, choices }
  } catch (error) {
    return { why: `could not look up a base image: ${describeInLine(error)}` }
  }
}

/** Those of them that have one full name. Pure. */
export function namedBases({ candidates }: Pick<BaseNames, 'candidates'>, digests: Bases['digests']): NamedBases {
  return new Map(
    [...candidates].flatMap(([written, those]) => {
      const [one, other] = 'why' in those ? [] : those
      const digest = digests.get(written)
      if (one === undefined || other !== undefined || digest === undefined) return []
      return [[written, { name: formatReference(one.name), digest }] as const]
    }),
  )
}

/** Asks one place after the other, as the engine would when it pulls. */
async function digestBase(
  name: string,
  candidates: readonly Candidate[] | Unknown,
  registries: Registries,
): Promise<{ readonly digest: string; readonly choice: Choice | undefined } | Unknown> {
  if ('why' in candidates) return candidates
  const places = candidates.flatMap((candidate) => candidate.sources.map((source) => ({ candidate, source })))
  for (const { candidate, source } of places) {
    const { digest } = source.reference
    // Whoever names a digest gets this one, wherever it is from.
    if (digest !== undefined) return { digest, choice: undefined }
    const answer = await lookUp(source, source === places.at(-1)?.source, registries)
    if (answer !== undefined) return { digest: answer.digest, choice: choiceOf(name, candidate, candidates) }
  }
  return { why: `no registry has the image ${name}` }
}

/** Where there is another place to ask, an image that nobody may read counts as one that isn't there. */
async function lookUp(
  { reference }: PullSource,
  isLast: boolean,
  registries: Registries,
): ReturnType<Registries['resolve']> {
  return await registries.resolve(reference).catch((error: unknown) => {
    if (isLast || !(error instanceof RegistryError) || error.transient) throw error
    return undefined
  })
}

function choiceOf(name: string, taken: Candidate, candidates: readonly Candidate[]): Choice | undefined {
  if (candidates.length === 1) return undefined
  const others = candidates.filter((candidate) => candidate !== taken)
  return { name, expected: formatReference(taken.name), others: others.map((other) => formatReference(other.name)) }
}

/**
 * Why what was pulled isn't known to be what was looked up, by the names that the engine's storage has after a build.
 * Pure.
 * @returns a sentence without its full stop; undefined if all is as expected
 */
export function otherThanExpected(choices: readonly Choice[], names: ReadonlySet<string>): string | undefined {
  for (const { name, expected, others } of choices) {
    const found = [expected, ...others].filter((one) => names.has(one))
    if (found.length === 1 && found[0] === expected) continue
    const pulled = found.length === 0 ? 'neither of its candidates' : found.join(' and ')
    return `${name} was resolved to ${expected}, but the storage has ${pulled}`
  }
  return undefined
}

/**
 * Why what the engine says it has used isn't what was looked up: a name that was read otherwise, or a tag that has moved.
 * Pure.
 * @param used digests
 * @returns a sentence without its full stop; undefined if each of them was looked up
 */
export function otherThanLookedUp(used: readonly string[], digests: Bases['digests']): string | undefined {
  const known = new Set(digests.values())
  const strange = used.find((digest) => !known.has(digest))
  return strange === undefined ? undefined : `the engine used the base image ${strange}, which was not looked up`
}
