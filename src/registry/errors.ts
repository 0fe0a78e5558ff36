import { LOST_CONTENT, RegistryError } from '../errors.js'
import { quote } from '../lib/quote.js'
import { isObject, listOf, parseObject } from '../lib/json.js'
import { type Response, ConnectionError } from './http.js'

/** A request, as error messages describe it. */
export interface ErrorContext {
  readonly registry: string
  readonly repository: string
  readonly verb: 'read' | 'write to'
  /** User name of the login; undefined without a login. */
  readonly who: string | undefined
}

/** The hint for an answer that is not a registry's. */
export const NO_REGISTRY = 'Check that it is the address of a registry, and that no proxy answers in its place.'

const CERTIFICATE =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|ERR_TLS_CERT_ALTNAME_INVALID|INVALID_CA)/

/** No way there, as opposed to a way on which something went wrong. */
const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN'])

/** What registries answer that have lost what was just pushed to them. */
const LOST = new Set([
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_UNKNOWN',
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
])

/** The error for a registry's refusal, with its hint. */
export function refusal(response: Response, { registry, repository, verb, who }: ErrorContext): RegistryError {
  const { status } = response
  const said = statusText(response)
  const whom = who === undefined ? 'anonymous users' : quote(who)
  if (status === 401 || status === 403)
    return new RegistryError(
      `Access denied: ${registry} doesn't allow ${whom} to ${verb} ${repository} (${said}).`,
      hintFor(status, registry, who),
      false,
      { refuses: true },
    )
  if (verb === 'write to' && errorsOf(response).some(({ code }) => LOST.has(String(code))))
    return new RegistryError(
      `${registry} reports missing content in what was pushed to ${repository} (${said}).`,
      LOST_CONTENT.hint,
      true,
      { retries: LOST_CONTENT.retries },
    )
  if (status === 404)
    return new RegistryError(
      `${registry} has no repository ${repository}, or hides it from ${whom} (${said}).`,
      'Check that the repository exists; some registries require it to be created before the first push.',
      false,
    )
  return failure(response, registry) ?? unexpected(response, registry)
}

/** The error for a tag that may not be moved to another manifest. Undefined for other answers. */
export function fixedTag(
  response: Response,
  { registry, repository }: Pick<ErrorContext, 'registry' | 'repository'>,
): RegistryError | undefined {
  const says = statusText(response)
  // ECR sends the first, Harbor the second; others have it in words alone.
  const isFixed = errorsOf(response).some(({ code }) => code === 'TAG_INVALID') || response.status === 412
  if (!isFixed && !/\bimmutable\b/i.test(says)) return undefined
  return new RegistryError(
    `${registry} doesn't allow tags of ${repository} to be replaced, and a cache replaces its tags (${says}).`,
    'Make the tags of this repository mutable, or name another one: `cache-to: type=registry,ref=…`.',
    false,
  )
}

/** The error for an answer that may change on a retry: a rate limit, or a failing registry. Undefined for other answers. */
export function failure(response: Response, registry: string): RegistryError | undefined {
  const { status } = response
  if (status !== 429 && status !== 408 && status < 500) return undefined
  const what = status === 429 ? 'limits the rate of requests' : 'reports a temporary error'
  const hint =
    status === 429
      ? 'Log in (`username`, `password`), or pull from a mirror: `registry-mirrors: docker.io=mirror.gcr.io`.'
      : 'Try again later, or check its status page.'
  const retryAfterMs = retryAfter(response)
  return new RegistryError(`${registry} ${what} (${statusText(response)}).`, hint, true, {
    retryAfterMs,
    limitsRate: status === 429,
  })
}

/** The error for an answer that the protocol doesn't know. */
export function unexpected(response: Response, registry: string): RegistryError {
  return new RegistryError(`${registry} sent an unexpected response (${statusText(response)}).`, NO_REGISTRY, false, {
    refuses: true,
  })
}

/** Whether an answer is for people: of a proxy that wants a login of its own, of a web site. A 401 is often one as well. */
export function isPage({ status, headers }: Response): boolean {
  return status !== 401 && /^text\/html\b/i.test(headers['content-type'] ?? '')
}

/** The error for a server that can't be reached. Returns any other error as it is. */
export function outOfReach(error: unknown, host: string): unknown {
  if (!(error instanceof ConnectionError)) return error
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
  return new RegistryError(
    `Request to ${host} failed: ${quote(error.message)}.`,
    hintForConnection(code),
    error.transient,
    { isUnreachable: UNREACHABLE.has(code ?? '') },
  )
}

/** `404 NAME_UNKNOWN: "…"`: the status and the first that the registry says, in which nothing can act. */
export function statusText({ status, body }: Response): string {
  const text = body.toString('utf8')
  const { error, error_description: description, details, message } = parseObject(text)
  const [first] = errorsOf({ body })
  const [code, says] = first ? [first['code'], first['message']] : [error, description ?? details ?? message]
  const name = typeof code === 'string' && /^[A-Za-z_ ]{1,40}$/.test(code) ? ` ${code}` : ''
  if (typeof says === 'string' && says !== '') return `${status}${name}: ${quote(says)}`
  // No line of a web page explains anything.
  return name !== '' || text.trim() === '' || text.includes('<')
    ? `${status}${name}`
    : `${status}: ${quote(text.trim())}`
}

/** The errors in the body of an answer, in the format of the distribution specification. */
function errorsOf({ body }: Pick<Response, 'body'>): Readonly<Record<string, unknown>>[] {
  const { errors } = parseObject(body.toString('utf8'))
  return listOf(errors).filter(isObject)
}

/** Milliseconds that `Retry-After` asks to wait, given in seconds or as a date. */
function retryAfter({ headers }: Response): number | undefined {
  const text = headers['retry-after']
  if (text === undefined) return undefined
  const milliseconds = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return milliseconds > 0 ? milliseconds : undefined
}

function hintFor(status: 401 | 403, registry: string, who: string | undefined): string {
  if (who === undefined)
    return `Log in to ${registry}: set \`username\` and \`password\` (and \`registry: ${registry}\`), or log in with an earlier step.`
  return status === 401
    ? 'Check "username", "password" and "registry", and that the token is valid for this repository; with two-factor authentication, use an access token as the password.'
    : 'The login is valid, but it has no access: check that the repository exists and that the token may write to it.'
}

function hintForConnection(code = ''): string {
  if (CERTIFICATE.test(code))
    return "This machine doesn't trust the certificate of the registry. Add its certificate authority to /etc/containers/certs.d/HOST/ca.crt, or write `tls-verify: false` if it is the registry that you push to."
  if (code === 'EPROTO') return 'If the registry uses plain HTTP on purpose, write `tls-verify: false`.'
  return 'Check its name and port, that it is running, and that this machine can reach it.'
}
