import { readRegistriesConf } from '../engine/config.js'
import type { EngineFacts, Found } from '../engine/engine.js'
import type { Folder } from '../engine/storage.js'
import { describe } from '../errors.js'
import type { Reference } from '../image/reference.js'
import { findPlaces } from '../registry/registries-conf.js'
import type { Registries } from '../registry/registry.js'

/** Something that can't be told. */
export interface Unknown {
  /** As a sentence without its full stop. */
  readonly why: string
}

/** Where an engine looks for base images, by their names. */
export type BasePlaces = ReadonlyMap<string, readonly Reference[] | Unknown>

/**
 * The digest that each name of a base image points to now, by its registry; nothing is pulled. Or why one isn't known.
 * Never rejects.
 */
export async function digestBases(
  places: BasePlaces,
  found: Pick<Found, 'whyDoubtful'>,
  registries: Registries,
): Promise<ReadonlyMap<string, string> | Unknown> {
  const digests = new Map<string, string>()
  try {
    const why = await found.whyDoubtful([...places.keys()])
    if (why !== undefined) return { why }
    const answers = await Promise.all(
      [...places].map(async ([name, place]) => [name, await digestBase(name, place, registries)] as const),
    )
    for (const [name, answer] of answers) {
      if (typeof answer !== 'string') return answer
      digests.set(name, answer)
    }
    return digests
  } catch (error) {
    return { why: `a base image could not be looked up: ${describe(error)}` }
  }
}

async function digestBase(
  name: string,
  place: readonly Reference[] | Unknown,
  registries: Registries,
): Promise<string | Unknown> {
  if ('why' in place) return place
  for (const reference of place) {
    // Whoever names a digest gets this one, wherever it is from.
    if (reference.digest !== undefined) return reference.digest
    const answer = await registries.resolve(reference)
    if (answer !== undefined) return answer.digest
  }
  return { why: `no registry has the image ${name}` }
}

/**
 * Where an engine looks for these images, and which of their registries its configuration allows without TLS. Docker takes
 * the registry that a name has, else Docker Hub.
 */
export async function findBasePlaces(
  names: readonly string[],
  { name: engine }: EngineFacts,
  folder: Folder,
): Promise<{ readonly places: BasePlaces; readonly insecure: readonly string[] }> {
  const texts = engine === 'buildah' ? await readRegistriesConf(folder) : []
  const places = new Map<string, readonly Reference[] | Unknown>()
  const insecure = new Set<string>()
  for (const name of names) {
    const found = await findPlaces(texts, name)
    if ('unknown' in found) {
      places.set(name, { why: `where ${name} is looked for isn't known: ${found.unknown}` })
      continue
    }
    places.set(
      name,
      found.candidates.map(({ reference }) => reference),
    )
    for (const candidate of found.candidates) if (candidate.insecure) insecure.add(candidate.reference.registry)
  }
  return { places, insecure: [...insecure] }
}
