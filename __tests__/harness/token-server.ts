import { createSign, randomUUID, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'

import { run } from './command.js'
import { makeFolder } from './folders.js'
import { close, listen } from './loopback.js'
import type { Login } from './registry.js'

export interface TokenServerOptions {
  /** Who may pull and push; nobody without a login may push. */
  readonly login: Login
  /** Given in place of a password, by POST. */
  readonly identityToken?: string
  /** What may be pulled by everyone. */
  readonly open?: (repository: string) => boolean
  /** Seconds that a token lives; default 60. */
  readonly life?: number
}

/** One question for a token, as it came. */
export interface TokenQuestion {
  readonly method: string
  readonly scopes: readonly string[]
  readonly service: string | undefined
  /** The user that the login was of; undefined without one. */
  readonly user: string | undefined
  readonly status: number
}

export interface TokenServer {
  /** What goes into the configuration of a registry. */
  readonly realm: string
  readonly service: string
  readonly issuer: string
  /** PEM file of the certificate that tokens are signed by. */
  readonly certificate: string
  readonly host: string
  readonly questions: readonly TokenQuestion[]
  stop(): Promise<void>
}

/** A server of tokens for distribution's registry, on loopback: RS256 with the certificate in the header. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const folder = makeFolder('tokens')
  const [certificate, key] = [join(folder, 'tokens.pem'), join(folder, 'tokens.key')]
  const kind = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=tokens']
  await run('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', certificate])
  const facts = { service: 'registry.test', issuer: 'tokens.test' }
  const x5c = new X509Certificate(readFileSync(certificate)).raw.toString('base64')
  const privateKey = readFileSync(key, 'utf8')
  const sign = (claims: object): string => {
    const text = [{ typ: 'JWT', alg: 'RS256', x5c: [x5c] }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey).toString('base64url')}`
  }

  const questions: TokenQuestion[] = []
  const server = createServer((request, answer) => {
    void bodyOf(request).then((body) => {
      const { search } = new URL(request.url ?? '/', 'http://tokens.test')
      const asked = new URLSearchParams(request.method === 'POST' ? body : search)
      const scopes = asked.getAll('scope').flatMap((scope) => scope.split(' '))
      const user = userOf(request, asked, options)
      const status = user === false ? 401 : 200
      const service = asked.get('service') ?? undefined
      questions.push({ method: request.method ?? '', scopes, service, user: user === false ? undefined : user, status })
      answer.writeHead(status, { 'content-type': 'application/json' })
      if (user === false) {
        answer.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'wrong login' }] }))
        return
      }
      const life = options.life ?? 60
      const now = Math.floor(Date.now() / 1000)
      const claims = {
        ...{ iss: facts.issuer, aud: facts.service, sub: user ?? '', jti: randomUUID() },
        // Registries take tokens for a minute longer.
        ...{ iat: now, nbf: now - 10, exp: now + life },
        access: scopes.flatMap((scope) => granted(scope, user, options)),
      }
      answer.end(
        JSON.stringify({ [request.method === 'POST' ? 'access_token' : 'token']: sign(claims), expires_in: life }),
      )
    })
  })
  const host = await listen(server)
  return { ...facts, realm: `http://${host}/token`, certificate, host, questions, stop: () => close(server) }
}

/** The user of a question, undefined for nobody, false for a wrong login. */
function userOf(
  request: IncomingMessage,
  asked: URLSearchParams,
  { login, identityToken }: TokenServerOptions,
): string | undefined | false {
  if (request.method === 'POST')
    return asked.get('refresh_token') === identityToken && asked.get('grant_type') === 'refresh_token'
      ? login.username
      : false
  const { authorization } = request.headers
  if (authorization === undefined) return undefined
  const right = Buffer.from(`${login.username}:${login.password}`).toString('base64')
  return authorization === `Basic ${right}` ? login.username : false
}

function granted(scope: string, user: string | undefined, { open }: TokenServerOptions): object[] {
  const [type, name = '', actions = ''] = scope.split(':')
  const may = (action: string) => user !== undefined || (action === 'pull' && open?.(name) === true)
  const list = actions.split(',').filter(may)
  return list.length === 0 ? [] : [{ type, name, actions: list }]
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request as AsyncIterable<Buffer>) text += piece.toString()
  return text
}
