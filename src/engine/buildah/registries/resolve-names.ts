import { type BaseNames, resolveAll } from '../../base-names.js'
import type { EngineRequest } from '../../engines.js'
import { inVersion2, readRegistriesConf } from '../containers-conf.js'
import { withMirrors } from './mirrors.js'
import { resolveName } from './registries-conf.js'

/** Where Buildah looks for images of these names, by its configuration in the order in which it reads it. */
export async function resolveNames(
  names: readonly string[],
  { inputs, folder, insecure }: Pick<EngineRequest, 'inputs' | 'folder' | 'insecure'>,
): Promise<BaseNames> {
  const { main, dropIns } = await readRegistriesConf(folder)
  const mirrors = inputs.registryMirrors
  // Another mirror has the same images: it doesn't count.
  const first = mirrors.length === 0 ? main : await withMirrors(await inVersion2(main), dropIns, mirrors, insecure)
  return await resolveAll(names, [main, ...dropIns], (name) => resolveName([first, ...dropIns], name))
}
