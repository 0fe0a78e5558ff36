import type { RegistryError } from '../errors.js'
import type { Reference } from '../image/reference.js'
import type { Access, Authorization } from './authorization.js'
import type { Answer, Connection, Question } from './connection.js'
import { MANIFEST_LIMIT } from './content.js'
import { outOfReach, refusal, trouble } from './refusals.js'

/** The way to registries, and who asks. */
export interface Desk {
  readonly connection: Connection
  readonly authorization: Authorization
}

/** What is asked of one registry, below its address. */
export type Line = Omit<Question, 'url' | 'limit'> & { readonly path: string }

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

/** Asks one registry. @throws RegistryError when it can't be reached, or may answer otherwise the next time */
export async function ask(
  { connection, authorization }: Desk,
  access: Access,
  line: Line,
  onTry: (authorization: string | undefined) => void = () => undefined,
): Promise<Answer> {
  const { registry } = access
  const { path, headers, ...question } = line
  try {
    const url = new URL(`${await connection.originOf(registry)}${path}`)
    const answer = await authorization.ask(access, (authorization) => {
      onTry(authorization)
      return connection.exchange({
        ...question,
        url,
        limit: MANIFEST_LIMIT,
        headers: { ...headers, ...(authorization !== undefined && { authorization }) },
      })
    })
    const passing = trouble(answer, registry)
    if (passing !== undefined) throw passing
    return answer
  } catch (error) {
    throw outOfReach(error, registry)
  }
}

export async function refused(
  { authorization }: Desk,
  access: Access,
  answer: Answer,
  verb: 'read' | 'write to',
): Promise<RegistryError> {
  return refusal(answer, { ...access, verb, who: await authorization.whoAsks(access) })
}
