import { createHash } from 'node:crypto'
import { createServer, request as httpRequest, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from '@jest/globals'
import { Secret } from '../../../src/lib/secret.js'
import { parseReference } from '../../../src/metadata/reference.js'
import { openRegistries } from '../../../src/registry/client.js'
import type { KnownLayer } from '../../../src/registry/proxied-blobs.js'
import { close, listen } from '../../harness/loopback.js'

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

const OCI = 'application/vnd.oci.image.manifest.v1+json'
const digestOf = (text: string | Buffer) => `sha256:${createHash('sha256').update(text).digest('hex')}`
const digest = (letter: string) => `sha256:${letter.repeat(64)}`
const basicOf = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

interface Asked {
  readonly line: string
  readonly authorization: string | undefined
  readonly body: string
}
interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}
type Script = (asked: Asked, response: ServerResponse) => Answer | 'cut'

/** A registry that answers by a script, and a proxy of its repository acme/web. */
async function proxied(script: Script, layers: readonly KnownLayer[] = [], others: readonly string[] = []) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    void request.toArray().then((pieces: Buffer[]) => {
      const { method = '', url = '', headers } = request
      const one = {
        line: `${method} ${url}`,
        authorization: headers.authorization,
        body: Buffer.concat(pieces).toString(),
      }
      if (one.line === 'GET /v2/') {
        response.end('{}')
        return
      }
      asked.push(one)
      const answer = script(one, response)
      if (answer === 'cut') {
        response.destroy()
        return
      }
      response.writeHead(answer.status, answer.headers)
      response.end(method === 'HEAD' ? undefined : answer.body)
    })
  })
  const host = await listen(server)
  stops.push(() => close(server))
  const own = [{ registry: host, username: 'ada', password: new Secret('pass-77aa') }]
  const logins = { auths: {}, credHelpers: {} }
  const registries = openRegistries({ logins, own, insecure: [host, ...others], env: {} })
  stops.push(() => {
    registries.close()
  })
  const open = () => registries.openProxy(parseReference(`${host}/acme/web`), layers)
  const proxy = await open()
  stops.push(() => proxy.close())
  const login = basicOf(proxy.username, proxy.password.reveal())
  const send = async (line: string, body?: string, authorization = login) =>
    await exchange(proxy.host, line, { body, authorization })
  return { host, asked, proxy, open, send, lines: () => asked.map(({ line }) => line) }
}

interface Got {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

async function exchange(
  host: string,
  line: string,
  { body, authorization }: { readonly body: string | undefined; readonly authorization: string },
): Promise<Got> {
  const [method = '', path = ''] = line.split(' ')
  return await new Promise((resolve, reject) => {
    const headers = { authorization, ...(method === 'PUT' && path.includes('manifests') && { 'content-type': OCI }) }
    const sent = httpRequest(`http://${host}${path}`, { method, headers, agent: false }, (response) => {
      void response
        .toArray()
        .then((pieces: Buffer[]) => {
          const { statusCode: status = 0, headers } = response
          resolve({ status, headers, body: Buffer.concat(pieces).toString() })
        })
        .catch(reject)
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

const takesAll: Script = ({ line }) => ({ status: line.startsWith('HEAD') ? 404 : 201 })
const manifestOf = (layerDigest: string, size: number, type = 'tar') =>
  `{"mediaType":"${OCI}","layers":[{"mediaType":"application/vnd.oci.image.layer.v1.${type}","digest":"${layerDigest}","size":${size}}]}`
const layer = (...repositories: string[]): KnownLayer => ({
  ...{ diffId: digest('a'), compression: 'gzip', digest: digest('b'), size: 17 },
  repositories: repositories.map(parseReference),
})

describe('openUploadProxy', () => {
  it('puts what comes under a tag by its digest, with the login of the registry, and tells it', async () => {
    const { asked, proxy, send } = await proxied(({ authorization }) =>
      authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="test"' } }
        : { status: 201, headers: { 'docker-content-digest': 'sha256:other' } },
    )
    expect(proxy.manifest()).toBeUndefined()
    const text = manifestOf(digest('c'), 1)
    const { status, headers } = await send('PUT /v2/acme/web/manifests/any', text)
    expect([status, headers['docker-content-digest']]).toStrictEqual([201, undefined])
    const line = `PUT /v2/acme/web/manifests/${digestOf(text)}`
    expect(asked.at(-1)).toStrictEqual({ line, authorization: basicOf('ada', 'pass-77aa'), body: text })
    const bytes = Buffer.from(text)
    expect(proxy.manifest()).toStrictEqual({ digest: digestOf(text), mediaType: OCI, size: bytes.length, bytes })
  })

  it('lets in nobody without its password, and nobody to another repository', async () => {
    const { asked, send } = await proxied(takesAll)
    for (const authorization of ['', 'Basic x', basicOf('rootless-image-build', 'pass-77aa')]) {
      const { status, headers } = await send('PUT /v2/acme/web/manifests/any', '{}', authorization)
      expect([status, headers['www-authenticate']]).toStrictEqual([401, 'Basic realm="rootless-image-build"'])
    }
    for (const line of [
      'PUT /v2/acme/website/manifests/any',
      `HEAD /v2/acme/other/blobs/${digest('a')}`,
      'POST /v2/acme/web/../other/blobs/uploads/',
      'GET /v2/_catalog',
      'GET /v2/acme/web/tags/list',
      'DELETE /v2/acme/web/manifests/any',
    ])
      expect([line, (await send(line)).status]).toStrictEqual([line, 404])
    expect((await send('GET /v2/')).status).toBe(200)
    expect(asked).toStrictEqual([])
  })

  it('says that a layer is there whose blob is, and names the blob in the manifest', async () => {
    const script: Script = ({ line }) => ({ status: line.includes(digest('b')) || line.startsWith('PUT') ? 200 : 404 })
    const { send, proxy } = await proxied(script, [layer()])
    expect((await send(`HEAD /v2/acme/web/blobs/${digest('a')}`)).status).toBe(200)
    await send('PUT /v2/acme/web/manifests/any', manifestOf(digest('a'), 99))
    expect(proxy.manifest()?.bytes.toString()).toBe(manifestOf(digest('b'), 17, 'tar+gzip'))
  })

  it('takes the blob over from a repository of the same registry', async () => {
    const layers: KnownLayer[] = []
    const script: Script = ({ line }) => ({ status: line.includes('mount=') ? 201 : 404 })
    const { host, send, lines } = await proxied(script, layers)
    layers.push(layer('elsewhere.example/base/image', `${host}/base/image`))
    expect((await send(`HEAD /v2/acme/web/blobs/${digest('a')}`)).status).toBe(200)
    const query = new URLSearchParams({ mount: digest('b'), from: 'base/image' }).toString()
    expect(lines().at(-1)).toBe(`POST /v2/acme/web/blobs/uploads/?${query}`)
    expect(lines().filter((line) => line.startsWith('POST'))).toHaveLength(1)
  })

  it.each([403, 404, 500])('has the engine send a layer whose blob isn’t there (%i)', async (status) => {
    const { send, proxy, lines } = await proxied(
      ({ line }) => ({ status: line.startsWith('PUT') ? 201 : status }),
      [layer()],
    )
    expect((await send(`HEAD /v2/acme/web/blobs/${digest('a')}`)).status).toBe(status)
    expect(lines().at(-1)).toBe(`HEAD /v2/acme/web/blobs/${digest('a')}`)
    const text = manifestOf(digest('a'), 99)
    await send('PUT /v2/acme/web/manifests/any', text)
    expect(proxy.manifest()?.bytes.toString()).toBe(text)
  })

  it('hands an upload on to where the registry wants it, piece by piece', async () => {
    const place = (step: number) => `/upload/here?state=${step}`
    const { send, asked, lines } = await proxied(({ line }) => {
      if (line.startsWith('POST')) return { status: 202, headers: { location: place(1) } }
      return line.startsWith('PATCH') ? { status: 202, headers: { location: place(2) } } : { status: 201 }
    })
    const begun = await send('POST /v2/acme/web/blobs/uploads/?mount=x&from=y')
    const there = String(begun.headers['location'])
    expect(there).toMatch(/^\/v2\/acme\/web\/blobs\/uploads\/[\w-]+$/)
    const large = 'layer '.repeat(500_000)
    const patched = await send(`PATCH ${there}`, large)
    expect([patched.status, patched.headers['location']]).toStrictEqual([202, there])
    expect((await send(`PUT ${there}?digest=${digest('c')}`)).status).toBe(201)
    expect(lines()).toStrictEqual([
      'POST /v2/acme/web/blobs/uploads/',
      `PATCH ${place(1)}`,
      `PUT ${place(2)}&digest=${encodeURIComponent(digest('c'))}`,
    ])
    expect(asked[1]?.body).toBe(large)
    expect((await send('PATCH /v2/acme/web/blobs/uploads/another', 'x')).status).toBe(404)
  })

  it('sends no login to another host that an upload goes on at', async () => {
    const seen: (string | undefined)[] = []
    const other = createServer((request, response) => {
      seen.push(request.headers.authorization)
      request.resume().on('end', () => response.writeHead(202).end())
    })
    const place = await listen(other)
    stops.push(() => close(other))
    const answer = { status: 202, headers: { location: `http://${place}/upload` } }
    const locked = { status: 401, headers: { 'www-authenticate': 'Basic realm="test"' } }
    const { send, asked } = await proxied(
      ({ authorization }) => (authorization === undefined ? locked : answer),
      [],
      [place],
    )
    const begun = await send('POST /v2/acme/web/blobs/uploads/')
    expect(asked.at(-1)?.authorization).toBe(basicOf('ada', 'pass-77aa'))
    expect((await send(`PATCH ${String(begun.headers['location'])}`, 'x')).status).toBe(202)
    expect(seen).toStrictEqual([undefined])
  })

  it('passes on what a registry refuses, and lets the engine hear no more than the registry says', async () => {
    const errors = '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down, pass-77aa"}]}'
    const { send, proxy } = await proxied(() => ({
      status: 429,
      headers: { 'retry-after': '7', 'x-secret': 'y' },
      body: errors,
    }))
    const { status, headers, body } = await send('PUT /v2/acme/web/manifests/any', manifestOf(digest('a'), 1))
    expect([status, headers['retry-after'], headers['x-secret']]).toStrictEqual([429, '7', undefined])
    expect(body).toContain('slow down, ***')
    expect([proxy.manifest(), proxy.failure()]).toStrictEqual([undefined, undefined])
  })

  it('gives no answer where the registry gives none, and knows why until there is one', async () => {
    let isCut = true
    const { send, proxy } = await proxied(() => (isCut ? 'cut' : { status: 404 }))
    await expect(send(`HEAD /v2/acme/web/blobs/${digest('a')}`)).rejects.toThrow(/socket hang up|ECONNRESET/)
    expect(proxy.failure()).toMatchObject({ transient: true })
    expect(proxy.failure()?.message).toMatch(/^Request to 127\.0\.0\.1:\d+ failed/)
    isCut = false
    expect((await send(`HEAD /v2/acme/web/blobs/${digest('a')}`)).status).toBe(404)
    expect(proxy.failure()).toBeUndefined()
  })

  it('takes the same port again, another one where that is taken, and none any more when it is closed', async () => {
    const { proxy, open, send } = await proxied(takesAll)
    const second = await open()
    expect(second.host).not.toBe(proxy.host)
    await second.close()
    await proxy.close()
    await expect(send('GET /v2/')).rejects.toThrow(/ECONNREFUSED/)
    const third = await open()
    stops.push(() => third.close())
    expect(third.host).toBe(proxy.host)
  })
})
