import { formatReference, type Reference } from '../../../metadata/reference.js'
import { resolveAll } from '../../base-names.js'
import type { ConfigPlace } from '../../engines.js'
import { readRegistriesConf } from '../containers-conf.js'
import { resolveName } from './registries-conf.js'

/** The registries of these references that Buildah may speak to without TLS by registries.conf(5) (`insecure`). */
export async function insecureRegistries(references: readonly Reference[], place: ConfigPlace): Promise<string[]> {
  const { main, dropIns } = await readRegistriesConf(place)
  const texts = [main, ...dropIns]
  // Most machines name none, and the parser takes a moment to load.
  if (references.length === 0 || !texts.some((text) => text.includes('insecure'))) return []
  const { insecure } = await resolveAll(references.map(formatReference), texts, (name) => resolveName(texts, name))
  return insecure.filter((name) => references.some(({ registry }) => registry === name))
}
