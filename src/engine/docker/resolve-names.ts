import { UserError } from '../../errors.js'
import { parseReference } from '../../metadata/reference.js'
import { type BaseNames, exactly, resolveAll, type Resolved } from '../base-names.js'

/** Where Docker looks for images of these names. */
export async function resolveNames(names: readonly string[]): Promise<BaseNames> {
  return await resolveAll(names, [], resolveName)
}

/** Docker takes the registry that a name has, else Docker Hub. Pure. */
function resolveName(name: string): Resolved {
  try {
    const reference = exactly(parseReference(name))
    return { candidates: [{ name: reference, sources: [{ reference, insecure: false }] }] }
  } catch (error) {
    if (error instanceof UserError) return { unknown: error.message }
    throw error
  }
}
