import { type BaseNames, resolveAll } from '../base-names.js'
import type { WorkDir } from '../work-dir.js'
import { readRegistriesConf } from './containers-conf.js'
import { resolveName } from './registries-conf.js'

/** Where Buildah looks for images of these names, by its configuration in the order in which it reads it. */
export async function resolveNames(names: readonly string[], folder: WorkDir): Promise<BaseNames> {
  const { main, dropIns } = await readRegistriesConf(folder)
  return await resolveAll(names, [main, ...dropIns], (name) => resolveName([main, ...dropIns], name))
}
