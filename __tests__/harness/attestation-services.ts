import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

import type { SerializedBundle } from '@sigstore/bundle'
import type { HandlerFn } from '@sigstore/mock'

import { Secret } from '../../src/lib/secret.js'
import type { Endpoints } from '../../src/signing/endpoints.js'
import { close, listen } from './loopback.js'
import { bytesOf, makeSigstore, type SigstoreLab } from './sigstore-instance.js'

/** Which service a request is for. */
export type Service = 'fulcio' | 'rekor' | 'timestamps' | 'token' | 'api'

interface Failure {
  readonly status: number
  readonly message?: string
}

/** Sigstore, the runner's identity tokens, and GitHub's attestations API. */
export interface AttestationServices extends SigstoreLab {
  /** What is asked of them, by whoever asks: `POST api /repos/acme/web/attestations`. */
  readonly asked: string[]
  /** What was stored with GitHub, in order. */
  readonly stored: SerializedBundle[]
  /** Every token that was given away or had to be shown: none of them may be anywhere else. */
  readonly secrets: readonly string[]
  /** Claims of the next tokens, beside those of a push to acme/web. */
  claims: Readonly<Record<string, string>>
  /** The next answers of a service, in place of its own. */
  fail(service: Service, ...answers: readonly Failure[]): void
  /** Answers a request. */
  answer(service: Service, request: IncomingMessage, response: ServerResponse): void
}

/** The message of a failure that has all in it that was sent. */
export const ECHO = 'echo'
export const REQUEST_TOKEN = 'the-request-token-of-the-job'
export const GITHUB_TOKEN = 'the-github-token-of-the-job'
const CLAIMS = {
  iss: 'https://token.actions.githubusercontent.com',
  sub: 'repo:acme/web:ref:refs/heads/main',
  aud: 'sigstore',
  repository: 'acme/web',
  repository_id: '7',
  repository_owner: 'acme',
  repository_owner_id: '8',
  repository_visibility: 'public',
  ref: 'refs/heads/main',
  sha: 'a'.repeat(40),
  event_name: 'push',
  workflow_ref: 'acme/web/.github/workflows/image.yml@refs/heads/main',
  job_workflow_ref: 'acme/web/.github/workflows/image.yml@refs/heads/main',
  runner_environment: 'github-hosted',
  run_id: '12',
  run_attempt: '3',
}

export async function makeAttestationServices(): Promise<AttestationServices> {
  const lab = await makeSigstore()
  const failures: (Failure & { readonly service: Service })[] = []
  const secrets = [REQUEST_TOKEN, GITHUB_TOKEN]
  const made: AttestationServices = {
    ...lab,
    ...{ asked: [], stored: [], secrets, claims: {} },
    fail(service, ...answers) {
      failures.push(...answers.map((answer) => ({ service, ...answer })))
    },
    answer(service, request, response) {
      made.asked.push(`${request.method ?? ''} ${service} ${request.url ?? ''}`)
      const at = failures.findIndex((failure) => failure.service === service)
      const [failure] = at < 0 ? [] : failures.splice(at, 1)
      void readAll(request)
        .then(async (body) => {
          if (failure !== undefined) refuse(response, failure, body)
          else if (service === 'token') giveToken(request, response, made)
          else if (service === 'api') keep(request, response, body, made)
          else await pass(lab.services[service], body, response)
        })
        .catch((error: unknown) => {
          reply(response, 400, { message: String(error) })
        })
    },
  }
  return made
}

/** The same on one port of the loopback interface, without TLS. */
export interface LoopbackServices extends AttestationServices {
  readonly endpoints: Endpoints
  readonly idTokens: { readonly url: string; readonly token: Secret }
  end(): Promise<void>
}

export async function startAttestationServices(): Promise<LoopbackServices> {
  const services = await makeAttestationServices()
  const server: Server = createServer((request, response) => {
    const [, service = '', path = ''] = /^\/([a-z]+)(\/.*)$/.exec(request.url ?? '') ?? []
    request.url = path
    services.answer(service as Service, request, response)
  })
  const host = await listen(server)
  const base = `http://${host}`
  const status = 'https://status.example'
  return Object.assign(services, {
    endpoints: {
      api: `${base}/api`,
      open: { fulcio: `${base}/fulcio`, witness: { rekor: `${base}/rekor` }, status },
      closed: { fulcio: `${base}/fulcio`, witness: { timestamps: `${base}/timestamps/` }, status },
      insecure: [host],
    },
    idTokens: { url: `${base}/token/idtoken?api-version=2.0`, token: new Secret(REQUEST_TOKEN) },
    end: () => close(server),
  })
}

async function pass(handler: HandlerFn, body: string, response: ServerResponse): Promise<void> {
  const { statusCode, response: content, contentType = 'text/plain' } = await handler(body)
  response.writeHead(statusCode, { 'content-type': contentType })
  response.end(typeof content === 'string' ? content : bytesOf(content))
}

/** A token that nobody has signed: the mock of Fulcio reads it, and the action does. */
function giveToken(request: IncomingMessage, response: ServerResponse, services: AttestationServices): void {
  const audience = new URL(request.url ?? '', 'http://token').searchParams.get('audience')
  if (request.headers.authorization !== `Bearer ${REQUEST_TOKEN}` || audience !== 'sigstore') {
    reply(response, 401, {})
    return
  }
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const value = [part({ alg: 'RS256', typ: 'JWT' }), part({ ...CLAIMS, ...services.claims }), 'c2lnbmF0dXJl'].join('.')
  ;(services.secrets as string[]).push(value)
  reply(response, 200, { value })
}

/** GitHub's API: one repository, one token. */
function keep(request: IncomingMessage, response: ServerResponse, body: string, { stored }: AttestationServices): void {
  const [, digest] =
    /^\/repos\/acme\/web\/attestations(?:\/(sha256:[0-9a-f]{64}))?(?:\?|$)/.exec(request.url ?? '') ?? []
  if (request.headers.authorization !== `Bearer ${GITHUB_TOKEN}`) reply(response, 401, { message: 'Bad credentials' })
  else if (request.method === 'POST') {
    const { bundle } = JSON.parse(body) as { bundle: SerializedBundle }
    reply(response, 201, { id: stored.push(bundle) })
  } else {
    const attestations = stored.filter((bundle) =>
      JSON.stringify(statementIn(bundle)).includes(String(digest).slice(7)),
    )
    reply(response, 200, { attestations: attestations.map((bundle) => ({ bundle })) })
  }
}

/** What a bundle says. */
export function statementIn(bundle: SerializedBundle): Readonly<Record<string, unknown>> {
  const text = Buffer.from(bundle.dsseEnvelope?.payload ?? '', 'base64').toString('utf8')
  return JSON.parse(text) as Readonly<Record<string, unknown>>
}

function refuse(response: ServerResponse, { status, message = 'on purpose' }: Failure, body: string): void {
  reply(response, status, { message: message === ECHO ? body : message })
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

async function readAll(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}
