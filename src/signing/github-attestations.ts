import { RegistryError } from '../errors.js'
import { listOf, parseObject } from '../lib/json.js'
import { quote } from '../lib/quote.js'
import type { Secret } from '../lib/secret.js'
import type { Connection, Request, Response } from '../registry/http.js'
import { NEEDED_PERMISSIONS } from './permissions.js'
import { ask } from './requests.js'
import type { SignedBundle } from './sigstore.js'

/** GitHub's attestations API, for one repository. */
export interface AttestationsApi {
  readonly connection: Connection
  /** Base URL: `https://api.github.com`. */
  readonly api: string
  /** `owner/name` */
  readonly repository: string
  readonly token: Secret
}

/** Stores a bundle. @returns its number @throws RegistryError */
export async function store(site: AttestationsApi, bundle: SignedBundle): Promise<string> {
  const body = Buffer.from(JSON.stringify({ bundle }))
  const response = await request(site, '', { method: 'POST', body })
  const { id } = parseObject(response.body.toString('utf8'))
  if (response.status >= 200 && response.status < 300 && /^\d+$/.test(String(id))) return String(id)
  throw refusal(response, site)
}

/** Whether there is a statement of this form on a digest already. @throws RegistryError */
export async function isStored(site: AttestationsApi, digest: string, predicateType: string): Promise<boolean> {
  const query = new URLSearchParams({ per_page: '1', predicate_type: predicateType }).toString()
  const response = await request(site, `/${digest}?${query}`, { method: 'GET' })
  if (response.status === 404) return false
  if (response.status !== 200) throw refusal(response, site)
  return listOf(parseObject(response.body.toString('utf8'))['attestations']).length > 0
}

async function request(
  { connection, api, repository, token }: AttestationsApi,
  path: string,
  asked: Pick<Request, 'method' | 'body'>,
): Promise<Response> {
  const headers = {
    accept: 'application/vnd.github+json',
    authorization: `Bearer ${token.reveal()}`,
    'content-type': 'application/json',
    'x-github-api-version': '2022-11-28',
  }
  return await ask(connection, { ...asked, url: new URL(`${api}/repos/${repository}/attestations${path}`), headers })
}

/** The API's own words, since plans and policies of organizations decide as well. */
function refusal({ status, body }: Response, { repository }: AttestationsApi): RegistryError {
  const { message } = parseObject(body.toString('utf8'))
  const says = typeof message === 'string' && message !== '' ? `: ${quote(message)}` : ''
  return new RegistryError(
    `Input "attest": GitHub's attestations API refuses an attestation for ${repository} (${status})${says}.`,
    hintFor(status, String(message)),
    false,
    { refuses: true },
  )
}

function hintFor(status: number, message: string): string {
  if (/feature not available|plan\b|upgrade/i.test(message))
    return 'Attestations of private and internal repositories need GitHub Enterprise Cloud. Write `attest: ${{ !github.event.repository.private }}`, or remove it.'
  if (status === 401) return 'Remove `github-token`, so that it is the token of the job.'
  if (status === 403 || status === 404) return NEEDED_PERMISSIONS
  return "If the message doesn't say what to do, run the job again, and look at https://www.githubstatus.com."
}
