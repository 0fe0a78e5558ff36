import type { RegistryError } from '../errors.js'
import type { Reference } from '../metadata/reference.js'
import type { Access, Authorization } from './authorization.js'
import type { Response, Connection, Request } from './http.js'
import { MANIFEST_LIMIT } from './manifest.js'
import { outOfReach, refusal, failure } from './errors.js'

/** The connection to registries, and its logins. */
export interface ClientContext {
  readonly connection: Connection
  readonly authorization: Authorization
}

/** A request to one registry, with a path below its address, and the limit of a manifest by default. */
export type Line = Omit<Request, 'url' | 'limit'> & Partial<Pick<Request, 'limit'>> & { readonly path: string }

export const scopeOf = ({ repository }: Reference, actions: string) => `repository:${repository}:${actions}`
export const reading = ({ registry, repository }: Reference): Access => ({
  registry,
  repository,
  scopes: [scopeOf({ registry, repository }, 'pull')],
})
export const writing = ({ registry, repository }: Reference, from?: Reference): Access => ({
  registry,
  repository,
  scopes: [scopeOf({ registry, repository }, 'pull,push'), ...(from === undefined ? [] : [scopeOf(from, 'pull')])],
})

/** Sends a request to one registry. @throws RegistryError if it can't be reached, or if a retry may help */
export async function ask(
  { connection, authorization }: ClientContext,
  access: Access,
  line: Line,
  onTry: (authorization: string | undefined) => void = () => undefined,
): Promise<Response> {
  const { registry } = access
  const { path, headers, limit = MANIFEST_LIMIT, ...request } = line
  try {
    const url = new URL(`${await connection.originOf(registry)}${path}`)
    const response = await authorization.ask(access, (authorization) => {
      onTry(authorization)
      return connection.roundTrip({
        ...request,
        url,
        limit,
        headers: { ...headers, ...(authorization !== undefined && { authorization }) },
      })
    })
    const transient = failure(response, registry)
    if (transient !== undefined) throw transient
    return response
  } catch (error) {
    throw outOfReach(error, registry)
  }
}

export async function refused(
  { authorization }: ClientContext,
  access: Access,
  response: Response,
  verb: 'read' | 'write to',
): Promise<RegistryError> {
  return refusal(response, { ...access, verb, who: await authorization.whoAsks(access) })
}
