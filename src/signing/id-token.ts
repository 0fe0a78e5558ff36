import { RegistryError } from '../errors.js'
import { parseObject } from '../lib/json.js'
import { Secret } from '../lib/secret.js'
import type { Connection } from '../registry/http.js'
import type { TokenService } from '../runner/context.js'
import { ask } from './requests.js'

/** Who the token is for: Sigstore takes no other. */
const AUDIENCE = 'sigstore'

/** Asks the runner for a token that says which job this is. @throws RegistryError */
export async function requestIdToken({ url, token }: TokenService, connection: Connection): Promise<Secret> {
  const place = new URL(url)
  place.searchParams.set('audience', AUDIENCE)
  const headers = { accept: 'application/json', authorization: `Bearer ${token.reveal()}` }
  const response = await ask(connection, { method: 'GET', url: place, headers })
  const { value } = parseObject(response.body.toString('utf8'))
  if (response.status === 200 && typeof value === 'string' && value !== '') return new Secret(value)
  throw new RegistryError(
    `Input "attest": ${place.host} gave no identity token (${response.status}).`,
    "Run the job again. If that doesn't help, look at https://www.githubstatus.com.",
    false,
  )
}
