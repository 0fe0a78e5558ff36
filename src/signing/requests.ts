import { RegistryError } from '../errors.js'
import { quote } from '../lib/quote.js'
import { type Connection, ConnectionError, type Request, type Response } from '../registry/http.js'

/** The most that is read of an answer, bytes: it may hold bundles. */
const LIMIT = 32 * 1024 * 1024

/** Asks a server of GitHub. @throws RegistryError where it is busy or out of reach, and another try may help */
export async function ask(connection: Connection, request: Omit<Request, 'limit'>): Promise<Response> {
  const { host } = request.url
  const response = await connection.roundTrip({ ...request, limit: LIMIT }).catch((error: unknown) => {
    if (!(error instanceof ConnectionError)) throw error
    throw new RegistryError(
      `Input "attest": the request to ${host} failed: ${quote(error.message)}.`,
      'Check that the runner can reach it, and run the job again.',
      error.transient,
    )
  })
  const { status } = response
  if (status !== 429 && status !== 408 && status < 500) return response
  throw new RegistryError(
    `Input "attest": ${host} reports a temporary error (${status}).`,
    "Run the job again. If that doesn't help, look at https://www.githubstatus.com.",
    true,
  )
}
