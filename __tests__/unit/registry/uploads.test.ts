import { createServer } from 'node:http'
import { afterEach, describe, expect, it } from '@jest/globals'
import { parseReference } from '../../../src/metadata/reference.js'
import { openRegistries } from '../../../src/registry/client.js'
import { Secret } from '../../../src/lib/secret.js'
import { close, listen } from '../../harness/loopback.js'
import { everythingOf, rejection } from '../helpers.js'

interface Response {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const basic = { 'www-authenticate': 'Basic realm="test"' }
const unauthorized: Response = { status: 401, headers: basic, body: '{"errors":[{"code":"UNAUTHORIZED"}]}' }
const begun: Response = { status: 202, headers: { location: '/v2/acme/web/blobs/uploads/7' } }
const page = (status: number): Response => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<html>Hello</html>',
})
const right = `Basic ${Buffer.from('ada:pass-77aa').toString('base64')}`

/**
 * Tries a push to a registry that answers so.
 * @param answers by `METHOD path`, for a request with the right login or one without
 */
async function trial(answers: (request: string, isRight: boolean) => Response, password = 'pass-77aa') {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const line = `${request.method ?? ''} ${request.url ?? ''}`
    asked.push(`${line}${request.headers.authorization === undefined ? '' : ' with a login'}`)
    const { status, headers, body = '' } = answers(line, request.headers.authorization === right)
    response.writeHead(status, headers)
    response.end(request.method === 'HEAD' ? '' : body)
  })
  const host = await listen(server)
  stops.push(() => close(server))
  const registries = openRegistries({
    logins: { auths: {}, credHelpers: {} },
    own: [{ registry: host, username: 'ada', password: new Secret(password) }],
    insecure: [host],
    env: {},
  })
  stops.push(() => {
    registries.close()
  })
  const outcome = registries.tryPush(parseReference(`${host}/acme/web:1`))
  return { host, asked, outcome }
}

/** A registry that asks everybody for a login everywhere. */
const guarded = (request: string, isRight: boolean): Response => {
  if (!isRight) return unauthorized
  return request.startsWith('POST') ? begun : { status: request.startsWith('DELETE') ? 204 : 200 }
}
/** One that asks for it where something is written alone. */
const halfOpen = (request: string, isRight: boolean): Response =>
  request === 'GET /v2/' ? { status: 200 } : guarded(request, isRight)

describe('tryPush', () => {
  it('begins an upload with the login, and ends it', async () => {
    const { asked, outcome } = await trial(guarded)
    expect(await outcome).toStrictEqual({ asksLate: false })
    expect(asked).toContain('POST /v2/acme/web/blobs/uploads/ with a login')
    expect(asked.at(-1)).toBe('DELETE /v2/acme/web/blobs/uploads/7 with a login')
  })

  it('finds out that a registry asks for the login only where something is written', async () => {
    expect(await (await trial(halfOpen)).outcome).toStrictEqual({ asksLate: true })
  })

  it('finds nothing of that where nobody needs a login', async () => {
    const { outcome } = await trial((request) => (request.startsWith('POST') ? begun : { status: 200 }))
    expect(await outcome).toStrictEqual({ asksLate: false })
  })

  it.each([
    ['that asks everywhere', guarded],
    ['that lets everybody read', halfOpen],
  ])('is refused with a wrong password by a registry %s', async (_, answers) => {
    const { host, outcome } = await trial(answers, 'wrong-9d1')
    const error = await rejection(outcome)
    expect(error).toMatchObject({ refuses: true, transient: false })
    expect(error.message).toBe(`Access denied: ${host} doesn't allow "ada" to write to acme/web (401 UNAUTHORIZED).`)
    expect(error.hint).toContain('"password"')
    expect(everythingOf(error)).not.toContain('wrong-9d1')
  })

  it('is refused with a login that may not write there', async () => {
    const { outcome } = await trial((request, isRight) =>
      request.startsWith('POST') && isRight ? { status: 403 } : guarded(request, isRight),
    )
    expect(await rejection(outcome)).toMatchObject({ refuses: true })
  })

  it.each([200, 403, 404])(
    'is refused where a page answers, with status %i: what is there is no registry',
    async (status) => {
      const { host, outcome } = await trial((request) => (request === 'GET /v2/' ? { status: 200 } : page(status)))
      const error = await rejection(outcome)
      expect(error).toMatchObject({ refuses: true })
      expect(error.message).toBe(`${host} sent an unexpected response (${status}).`)
      expect(error.hint).toContain('proxy')
    },
  )

  it.each([
    ['is busy', 503],
    ['limits questions', 429],
  ])('is not refused by a registry that %s', async (_, status) => {
    const { outcome } = await trial((request, isRight) =>
      request.startsWith('POST') ? { status } : guarded(request, isRight),
    )
    expect(await rejection(outcome)).toMatchObject({ refuses: false })
  })

  it.each([404, 400, 201])('leaves to the engine what %i means', async (status) => {
    const { outcome } = await trial((request, isRight) =>
      request.startsWith('POST') && isRight ? { status } : guarded(request, isRight),
    )
    expect(await outcome).toStrictEqual({ asksLate: false })
  })
})
