import { debug } from '../log.js'
import { type Bases, digestBases, type Unknown } from './base-digests.js'
import type { Fingerprint } from './fingerprint.js'
import { parseRemembered, type RememberedBuild } from './build-record.js'
import type { ComparisonRequest } from './request.js'
import { fingerprint } from './current-fingerprint.js'

/** What is on its way while the engine is made ready. None of these rejects. */
export interface Watched {
  /** Of earlier runs, the newest first; those that are too old among them. */
  readonly builds: Promise<readonly RememberedBuild[]>
  /** Without the base images, which take a registry to answer. */
  readonly partly: Promise<Fingerprint | Unknown>
  readonly wholly: Promise<{ readonly fingerprint: Fingerprint; readonly bases: Bases } | Unknown>
  /** The base images alone. */
  readonly bases: Promise<Bases | Unknown>
}

/** Begins to look up all that is compared. */
export function startComparison(request: ComparisonRequest): Watched {
  const bases = askBases(request)
  const wholly = async () => {
    const found = await bases
    if ('why' in found) return found
    const made = shown(await fingerprint(request, found.digests))
    return 'why' in made ? made : { fingerprint: made, bases: found }
  }
  return {
    builds: request.remembered.then((text) => (text === undefined ? [] : parseRemembered(text))),
    partly: fingerprint(request, undefined),
    wholly: wholly(),
    bases,
  }
}

/** The base images as their registries have them now. Never rejects. */
export async function askBases({
  inspection,
  baseNames,
  found,
  registries,
}: ComparisonRequest): Promise<Bases | Unknown> {
  const [doubt] = inspection.doubts
  return doubt === undefined ? await digestBases(baseNames, found, registries) : { why: doubt }
}

/** Shows each part, so that two runs can be compared. */
function shown(fingerprint: Fingerprint | Unknown): Fingerprint | Unknown {
  const parts = 'why' in fingerprint ? [] : fingerprint
  for (const { name, digest } of parts) debug(`Unchanged: ${name}: ${digest}`)
  return fingerprint
}
