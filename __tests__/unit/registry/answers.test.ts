import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from '@jest/globals'
import { RegistryError } from '../../../src/errors.js'
import { type Response, openConnection } from '../../../src/registry/http.js'
import { refusal } from '../../../src/registry/errors.js'
import { openRegistries } from '../../../src/registry/client.js'
import type { Registries, RegistriesOptions } from '../../../src/registry/registries.js'
import { Secret } from '../../../src/lib/secret.js'
import { close, listen } from '../../harness/loopback.js'
import { fakeClock } from '../fake-clock.js'
import { everythingOf, logOf } from '../helpers.js'

const OCI = 'application/vnd.oci.image.manifest.v1+json'
const bytes = Buffer.from(`{"schemaVersion":2,"mediaType":"${OCI}"}`)
const digestOf = (content: Buffer | string) => `sha256:${createHash('sha256').update(content).digest('hex')}`
const digest = digestOf(bytes)
const other = digestOf('other')
const manifest = { bytes, digest, mediaType: OCI, size: bytes.length }
const headers = { 'content-type': OCI, 'docker-content-digest': digest, 'content-length': bytes.length }

interface Asked {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly body: string
}

type Script = (asked: Asked, response: ServerResponse, count: number) => void

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A server that answers by a script, beside the question whether it is there. The network's edge: nothing of ours. */
async function scripted(script: Script): Promise<{ host: string; asked: Asked[] }> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const {
        method = '',
        url: path = '',
        headers: { authorization },
      } = request
      if (path === '/v2/' && authorization === undefined) {
        response.end('{}')
        return
      }
      const one = { method, path, authorization, body }
      asked.push(one)
      script(one, response, asked.filter((earlier) => earlier.method === method && earlier.path === path).length)
    })
  })
  const host = await listen(server)
  stops.push(() => close(server))
  return { host, asked }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const piece of request as AsyncIterable<Buffer>) text += piece.toString()
  return text
}

const info = (
  response: ServerResponse,
  status: number,
  more: Readonly<Record<string, string | number>> = {},
  body?: Buffer | string,
) => {
  response.writeHead(status, more)
  response.end(body)
}

const step = (registry: string, password = 'pass-77aa'): Pick<RegistriesOptions, 'own'> => ({
  own: [{ registry, username: 'alice', password: new Secret(password) }],
})

function client(host: string, options: Partial<RegistriesOptions> = {}): Registries {
  const registries = openRegistries({
    logins: { auths: {}, credHelpers: {} },
    insecure: [host],
    env: {},
    clock: fakeClock(),
    ...options,
  })
  stops.push(() => {
    registries.close()
  })
  return registries
}

const tag = (host: string) => ({ registry: host, repository: 'acme/web', tag: '1' })
const pinned = (host: string) => ({ registry: host, repository: 'acme/web', digest })

async function refused(promise: Promise<unknown>): Promise<RegistryError> {
  const error = await promise.then(
    (value) => new Error(`got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  )
  if (error instanceof RegistryError) return error
  throw error as Error
}

describe('fetchBlob', () => {
  it('gives the bytes, also from where the registry leads to, which gets no login', async () => {
    const storage = await scripted((_, response) => {
      info(response, 200, {}, bytes)
    })
    const { host } = await scripted(({ authorization }, response) => {
      if (authorization === undefined) info(response, 401, { 'www-authenticate': 'Basic realm="x"' })
      else info(response, 307, { location: `http://${storage.host}/blob` })
    })
    const blob = client(host, { ...step(host), insecure: [host, storage.host] }).fetchBlob(tag(host), digest)
    expect((await blob).equals(bytes)).toBe(true)
    expect(storage.asked).toStrictEqual([{ method: 'GET', path: '/blob', authorization: undefined, body: '' }])
  })

  it('refuses where there is none, and other bytes', async () => {
    const { host } = await scripted(({ path }, response) => {
      if (path.endsWith(digest)) info(response, 404)
      else info(response, 200, {}, bytes)
    })
    expect((await refused(client(host).fetchBlob(tag(host), digest))).message).toContain('(404')
    expect((await refused(client(host).fetchBlob(tag(host), other))).message).toContain(
      "returned content that doesn't match",
    )
  })
})

describe('resolve', () => {
  it('takes what a HEAD tells', async () => {
    const { host, asked } = await scripted((_, response) => {
      info(response, 200, headers)
    })
    expect(await client(host).resolve(tag(host))).toStrictEqual({ digest, mediaType: OCI, size: bytes.length })
    expect(asked.map(({ method }) => method)).toStrictEqual(['HEAD'])
  })

  it.each<[what: string, status: number, more: Readonly<Record<string, string | number>>]>([
    ['no digest', 200, { 'content-type': OCI, 'content-length': bytes.length }],
    ['a general type', 200, { ...headers, 'content-type': 'application/json' }],
    ['no HEAD at all', 405, {}],
  ])('looks at the bytes where a HEAD has %s', async (_, status, more) => {
    const { host } = await scripted(({ method }, response) => {
      if (method === 'HEAD') info(response, status, more)
      else info(response, 200, { 'content-type': 'application/json' }, bytes)
    })
    expect(await client(host).resolve(tag(host))).toStrictEqual({ digest, mediaType: OCI, size: bytes.length })
  })

  it.each<[what: string, more: Readonly<Record<string, string | number>>, body: string, message: string]>([
    [
      'a page for people',
      { 'content-type': 'text/html' },
      '<html>Log in to the hotel</html>',
      'sent an unexpected response (200)',
    ],
    ['a digest that is none', { ...headers, 'docker-content-digest': 'sha256:../../x' }, '', 'an invalid digest'],
    [
      'one of an unknown kind',
      { ...headers, 'docker-content-digest': `md5:${'0'.repeat(32)}` },
      '',
      'an invalid digest',
    ],
  ])('refuses %s', async (_, more, body, message) => {
    const { host } = await scripted((_asked, response) => {
      info(response, 200, { ...more, 'content-length': Buffer.byteLength(body) }, body)
    })
    expect((await refused(client(host).resolve(tag(host)))).message).toContain(message)
  })

  it('refuses another digest than it asked for', async () => {
    const { host } = await scripted((_, response) => {
      info(response, 200, { ...headers, 'docker-content-digest': other })
    })
    expect((await refused(client(host).resolve(pinned(host)))).message).toContain('another digest')
  })
})

describe('fetchManifest', () => {
  it('refuses other bytes, whatever the header says', async () => {
    const { host } = await scripted((_, response) => {
      info(response, 200, { 'content-type': OCI, 'docker-content-digest': digest }, `${bytes.toString()} `)
    })
    const error = await refused(client(host).fetchManifest(pinned(host)))
    expect(error.message).toContain("content that doesn't match")
    expect(error.transient).toBe(false)
  })

  it('refuses more than 4 MiB, and stops reading', async () => {
    let sent = 0
    const { host } = await scripted((_, response) => {
      response.writeHead(200, { 'content-type': OCI })
      const piece = Buffer.alloc(1024 * 1024, ' ')
      const more = () => {
        if (response.destroyed || sent > 200) return
        sent += 1
        response.write(piece, more)
      }
      more()
    })
    expect((await refused(client(host).fetchManifest(pinned(host)))).message).toContain('more than 4194304 bytes')
    expect(sent).toBeLessThan(100)
  })

  it('asks again where a body ends too early', async () => {
    const { host, asked } = await scripted((_, response, count) => {
      if (count > 1) {
        info(response, 200, headers, bytes)
        return
      }
      response.writeHead(200, headers)
      response.write(bytes.subarray(0, 10), () => response.destroy())
    })
    const log = await logOf(async () => {
      expect((await client(host).fetchManifest(pinned(host)))?.bytes).toStrictEqual(bytes)
    })
    expect(asked).toHaveLength(2)
    expect(log).toContain('attempt 1 failed, 3 left.')
  })
})

/** What docker-registry answers where it lacks something, with this code. */
const lacking = (code: string, status = 404): Response => ({
  status,
  headers: {},
  challenges: [],
  body: Buffer.from(JSON.stringify({ errors: [{ code: 'DIGEST_INVALID' }, { code, message: 'gone' }] })),
  url: new URL('http://registry.example/v2/'),
})

describe('refusal', () => {
  const plea = { registry: 'registry.example', repository: 'acme/web', verb: 'write to', who: 'ada' } as const

  it.each(['MANIFEST_BLOB_UNKNOWN', 'MANIFEST_UNKNOWN', 'BLOB_UNKNOWN', 'BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID'])(
    'lets what the registry lacks be put again twice (%s)',
    (code) => {
      const error = refusal(lacking(code), plea)
      expect(error).toMatchObject({ transient: true, retries: 2 })
      expect(error.message).toContain('(404 DIGEST_INVALID)')
      expect(error.hint).toContain('garbage collection')
    },
  )

  it.each<[what: string, response: Response, asked: Parameters<typeof refusal>[1]]>([
    ['without a login', lacking('BLOB_UNKNOWN', 401), plea],
    ['without a right', lacking('BLOB_UNKNOWN', 403), plea],
    ['of a repository that is not there', lacking('NAME_UNKNOWN'), plea],
    ['that reads', lacking('BLOB_UNKNOWN'), { ...plea, verb: 'read' }],
  ])('lets no question be asked again %s', (_, response, asked) => {
    expect(refusal(response, asked).transient).toBe(false)
  })
})

describe('putManifest', () => {
  it('says where another digest is there afterwards', async () => {
    const { host } = await scripted(({ method }, response) => {
      if (method === 'PUT') info(response, 201)
      else info(response, 200, { ...headers, 'docker-content-digest': other })
    })
    const error = await refused(client(host).putManifest(tag(host), manifest))
    expect(error.message).toContain(`was pushed as ${digest}, but the registry now returns ${other} for it`)
  })

  it('says where nothing is there afterwards', async () => {
    const { host } = await scripted(({ method }, response) => {
      info(response, method === 'PUT' ? 201 : 404)
    })
    expect((await refused(client(host).putManifest(tag(host), manifest))).message).toContain('returns nothing for it')
  })

  it('sends the bytes as they are, and only where they are those of the digest', async () => {
    const { host, asked } = await scripted(({ method }, response) => {
      info(response, method === 'PUT' ? 201 : 200, method === 'PUT' ? {} : headers)
    })
    await client(host).putManifest(tag(host), manifest)
    expect(asked[0]).toMatchObject({ method: 'PUT', path: '/v2/acme/web/manifests/1', body: bytes.toString() })
    await expect(client(host).putManifest(tag(host), { ...manifest, digest: other })).rejects.toThrow(
      "bytes of the manifest don't match",
    )
    expect(asked.filter(({ method }) => method === 'PUT')).toHaveLength(1)
  })

  it('puts it again where the registry lacks a blob once', async () => {
    const { host, asked } = await scripted(({ method }, response, count) => {
      if (method === 'PUT' && count === 1) info(response, 400, {}, lacking('MANIFEST_BLOB_UNKNOWN').body)
      else info(response, method === 'PUT' ? 201 : 200, method === 'PUT' ? {} : headers)
    })
    const log = await logOf(() => client(host).putManifest(tag(host), manifest))
    expect(asked.filter(({ method }) => method === 'PUT')).toHaveLength(2)
    expect(log.match(/.*attempt.*/g)).toStrictEqual([
      expect.stringMatching(
        /^Tag \S+: attempt 1 failed, 2 left\. .* reports missing content in what was pushed to acme\/web/,
      ),
    ])
  })

  it('follows no redirect', async () => {
    const elsewhere = await scripted((_, response) => {
      info(response, 201)
    })
    const { host } = await scripted((_, response) => {
      info(response, 307, { location: `http://${elsewhere.host}/x` })
    })
    const both = { insecure: [host, elsewhere.host] }
    expect((await refused(client(host, both).putManifest(tag(host), manifest))).message).toContain('307')
    expect(elsewhere.asked).toStrictEqual([])
  })
})

describe('mountBlob', () => {
  const from = (host: string) => ({ registry: host, repository: 'acme/base' })

  it('cancels an upload that was begun instead, on the same host only', async () => {
    const elsewhere = await scripted((_, response) => {
      info(response, 204)
    })
    for (const location of ['/v2/acme/web/blobs/uploads/7?_state=a%2Fb', `http://${elsewhere.host}/v2/x`]) {
      const { host, asked } = await scripted(({ method }, response) => {
        if (method === 'HEAD') info(response, 404)
        else if (method === 'POST') info(response, 202, { location })
        else info(response, 204)
      })
      const both = { insecure: [host, elsewhere.host] }
      expect(await client(host, both).mountBlob(tag(host), digest, from(host))).toBe(false)
      expect(asked[1]?.path).toBe(`/v2/acme/web/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=acme%2Fbase`)
      expect(asked.slice(2).map(({ path }) => path)).toStrictEqual(location.startsWith('/') ? [location] : [])
    }
    expect(elsewhere.asked).toStrictEqual([])
  })

  it('asks for rights in both repositories', async () => {
    let realm = ''
    const { host, asked } = await scripted(({ path, method, authorization }, response) => {
      if (path.startsWith('/token')) info(response, 200, {}, '{"access_token":"t-1"}')
      else if (authorization !== 'Bearer t-1') info(response, 401, { 'www-authenticate': `Bearer realm="${realm}"` })
      else info(response, method === 'HEAD' ? 404 : 201)
    })
    realm = `http://${host}/token?old=1`
    expect(await client(host).mountBlob(tag(host), digest, from(host))).toBe(true)
    const { searchParams } = new URL(asked.find(({ path }) => path.startsWith('/token'))?.path ?? '', 'http://x')
    expect(searchParams.getAll('scope')).toStrictEqual(['repository:acme/web:pull,push', 'repository:acme/base:pull'])
    expect(searchParams.get('old')).toBe('1')
  })
})

describe('putBlob', () => {
  const blob = { bytes, digest }
  const uploading = async (begun: Readonly<Record<string, string>>, put = 201, head = 404) =>
    await scripted(({ method }, response) => {
      if (method === 'HEAD') info(response, head)
      else if (method === 'POST') info(response, 202, begun)
      else info(response, put)
    })

  it.each([
    ['/v2/acme/web/blobs/uploads/7', '/v2/acme/web/blobs/uploads/7?'],
    ['/v2/acme/web/blobs/uploads/7?_state=a%2Fb', '/v2/acme/web/blobs/uploads/7?_state=a%2Fb&'],
  ])('goes on where the registry says: %s', async (location, path) => {
    const { host, asked } = await uploading({ location })
    await client(host).putBlob(tag(host), blob)
    expect(asked.map((one) => `${one.method} ${one.path}`)).toStrictEqual([
      `HEAD /v2/acme/web/blobs/${digest}`,
      'POST /v2/acme/web/blobs/uploads/',
      `PUT ${path}digest=${encodeURIComponent(digest)}`,
    ])
  })

  it('uploads nothing that is there', async () => {
    const { host, asked } = await uploading({}, 201, 200)
    await client(host).putBlob(tag(host), blob)
    expect(asked.map(({ method }) => method)).toStrictEqual(['HEAD'])
  })

  it('sends nothing to another host', async () => {
    const elsewhere = await scripted((_, response) => {
      info(response, 201)
    })
    for (const begun of [{ location: `http://${elsewhere.host}/v2/x` }, {}]) {
      const { host, asked } = await uploading(begun)
      await refused(client(host, { insecure: [host, elsewhere.host] }).putBlob(tag(host), blob))
      expect(asked.map(({ method }) => method)).toStrictEqual(['HEAD', 'POST'])
    }
    expect(elsewhere.asked).toStrictEqual([])
  })

  it('says what the registry has refused', async () => {
    const { host } = await uploading({ location: '/v2/acme/web/blobs/uploads/7' }, 403)
    expect((await refused(client(host).putBlob(tag(host), blob))).message).toContain('403')
  })

  it('sends no bytes under the digest of others', async () => {
    const { host, asked } = await uploading({})
    const other = { bytes: Buffer.from('other'), digest }
    await expect(client(host).putBlob(tag(host), other)).rejects.toThrow("bytes of the blob don't match")
    expect(asked).toStrictEqual([])
  })
})

describe('a login', () => {
  it('is not sent before it is asked for, nor to where a redirect leads', async () => {
    const elsewhere = await scripted((_, response) => {
      info(response, 200, headers, bytes)
    })
    const { host, asked } = await scripted(({ authorization }, response) => {
      if (authorization === undefined) info(response, 401, { 'www-authenticate': 'Basic realm="x"' })
      else info(response, 307, { location: `http://${elsewhere.host}/blob` })
    })
    const both = { insecure: [host, elsewhere.host], ...step(host) }
    expect((await client(host, both).fetchManifest(pinned(host)))?.digest).toBe(digest)
    expect(asked.map(({ authorization }) => authorization !== undefined)).toStrictEqual([false, true])
    // Another port of the same host.
    expect(elsewhere.asked.map(({ authorization }) => authorization)).toStrictEqual([undefined])
  })

  it('goes along to another path of the same host', async () => {
    const { host, asked } = await scripted(({ path, authorization }, response) => {
      if (authorization === undefined) info(response, 401, { 'www-authenticate': 'Basic realm="x"' })
      else if (path.startsWith('/v2')) info(response, 307, { location: '/there' })
      else info(response, 200, headers, bytes)
    })
    expect((await client(host, step(host)).fetchManifest(pinned(host)))?.digest).toBe(digest)
    expect(asked.at(-1)?.path).toBe('/there')
    expect(asked.at(-1)?.authorization).toMatch(/^Basic /)
  })

  it('is not sent where the place that a redirect leads to asks for it', async () => {
    const thief = await scripted((_, response) => {
      info(response, 200, {}, '{"token":"t"}')
    })
    const elsewhere = await scripted((_, response) => {
      info(response, 401, { 'www-authenticate': `Bearer realm="http://${thief.host}/token"` })
    })
    const { host, asked } = await scripted((_, response) => {
      info(response, 307, { location: `http://${elsewhere.host}/x` })
    })
    const all = { insecure: [host, elsewhere.host, thief.host], ...step(host) }
    await refused(client(host, all).fetchManifest(pinned(host)))
    expect(thief.asked).toStrictEqual([])
    expect([...asked, ...elsewhere.asked].every(({ authorization }) => authorization === undefined)).toBe(true)
  })

  it.each([
    ['without https', (host: string) => `http://${host}/token`, "doesn't use HTTPS"],
    ['with a user in it', (host: string) => `https://bob:x@${host}/token`, 'contains a user name'],
    ['that is none', () => '/token', "isn't a valid URL"],
    ['of another kind', () => 'file:///etc/passwd', "doesn't use HTTPS"],
  ])('is not sent to a realm %s', async (_, realm, message) => {
    const tokens = await scripted((_asked, response) => {
      info(response, 200, {}, '{"token":"t"}')
    })
    const { host } = await scripted((_asked, response) => {
      info(response, 401, { 'www-authenticate': `Bearer realm="${realm(tokens.host)}"` })
    })
    const error = await refused(client(host, step(host)).resolve(tag(host)))
    expect(error.message).toContain(`${message}, so no login is sent there`)
    expect(tokens.asked).toStrictEqual([])
  })

  it('is tried once where it is refused', async () => {
    const { host, asked } = await scripted((_, response) => {
      info(response, 401, { 'www-authenticate': 'Basic realm="x"' })
    })
    const registries = client(host, step(host))
    await refused(registries.resolve(tag(host)))
    expect(asked).toHaveLength(2)
    await refused(registries.resolve(tag(host)))
    expect(asked).toHaveLength(3)
  })

  it('that is an identity token is no password', async () => {
    const { host, asked } = await scripted((_, response) => {
      info(response, 401, { 'www-authenticate': 'Basic realm="x"' })
    })
    const logins = { auths: { [host]: { identitytoken: 'id-77aa' } }, credHelpers: {} }
    await refused(client(host, { logins }).resolve(tag(host)))
    expect(asked.map(({ authorization }) => authorization)).toStrictEqual([undefined])
  })

  it('and tokens are in no error and no log, also where the registry repeats them', async () => {
    let realm = ''
    const { host } = await scripted(({ path, authorization = '', method }, response) => {
      if (path.startsWith('/token')) info(response, 200, {}, '{"token":"token-77aa"}')
      else if (authorization === '') info(response, 401, { 'www-authenticate': `Bearer realm="${realm}"` })
      else
        info(
          response,
          method === 'HEAD' ? 405 : 403,
          {},
          `{"errors":[{"code":"DENIED","message":"no: ${authorization} pass-77aa"}]}`,
        )
    })
    realm = `http://${host}/token`
    let error: unknown
    const log = await logOf(async () => {
      error = await refused(client(host, step(host)).resolve(tag(host)))
    })
    expect((error as RegistryError).message).toContain('no: *** ***')
    expect(everythingOf(error) + log).not.toContain('77aa')
  })

  it('that a token server repeats is in no error', async () => {
    let realm = ''
    const { host } = await scripted(({ path, authorization = '' }, response) => {
      if (path.startsWith('/token')) info(response, 401, {}, JSON.stringify({ details: `${authorization} pass-77aa` }))
      else info(response, 401, { 'www-authenticate': `Bearer realm="${realm}"` })
    })
    realm = `http://${host}/token`
    const error = await refused(client(host, step(host)).resolve(tag(host)))
    expect(error.message).toContain('gives "alice" no token for acme/web (401')
    expect(everythingOf(error)).not.toMatch(/77aa|YWxpY2U6/)
  })
})

describe('a token', () => {
  /** A registry that takes the newest token only. */
  async function rotating(life?: number, answerOf?: (number: number) => string) {
    let realm = ''
    let given = 0
    const server = await scripted(({ path, authorization }, response) => {
      if (path.startsWith('/token')) {
        given += 1
        info(response, 200, {}, answerOf?.(given) ?? JSON.stringify({ token: `t-${given}`, expires_in: life }))
      } else if (given === 0 || authorization !== `Bearer t-${given}`)
        info(response, 401, { 'www-authenticate': `Bearer realm="${realm}",service="s"` })
      else info(response, 200, headers)
    })
    realm = `http://${server.host}/token`
    return { ...server, given: () => given, withdraw: () => (given += 1) }
  }

  it('is used until it ends, then there is another', async () => {
    const { host, given, asked } = await rotating(60)
    const clock = fakeClock()
    const registries = client(host, { clock })
    await registries.resolve(tag(host))
    clock.pass(59_000)
    await registries.resolve(tag(host))
    expect(given()).toBe(1)
    clock.pass(600)
    await registries.resolve(tag(host))
    expect(given()).toBe(2)
    // What the registry wants is known by now.
    expect(
      asked.filter(({ authorization, path }) => authorization === undefined && path.startsWith('/v2')),
    ).toHaveLength(1)
  })

  it('that was withdrawn is replaced', async () => {
    const { host, given, withdraw } = await rotating(300)
    const registries = client(host)
    await registries.resolve(tag(host))
    withdraw()
    expect((await registries.resolve(tag(host)))?.digest).toBe(digest)
    expect(given()).toBe(3)
  })

  it('is asked for once by many at a time, also when it has just ended', async () => {
    const { host, given } = await rotating(60)
    const clock = fakeClock()
    const registries = client(host, { clock })
    const many = () => Promise.all(Array.from({ length: 6 }, () => registries.resolve(tag(host))))
    await many()
    expect(given()).toBe(1)
    clock.pass(60_000)
    await many()
    expect(given()).toBe(2)
  })

  it.each(['{}', '[]', 'nothing', '{"token":""}', '{"token":7}', '{"token":"a b"}', '{"token":"a\\r\\nX: y"}'])(
    'is not what a server gives with %s',
    async (text) => {
      const { host } = await rotating(60, () => text)
      expect((await refused(client(host).resolve(tag(host)))).message).toContain('sent no token')
    },
  )
})

describe('trouble', () => {
  it('that passes is waited for as the registry says', async () => {
    const clock = fakeClock()
    const { host } = await scripted((_, response, count) => {
      if (count === 1) info(response, 429, { 'retry-after': '2' }, '')
      else info(response, 200, headers)
    })
    const log = await logOf(async () => {
      expect((await client(host, { clock }).resolve(tag(host)))?.digest).toBe(digest)
    })
    expect(clock.waits).toHaveLength(1)
    expect(clock.waits[0]).toBeGreaterThanOrEqual(3000)
    expect(log).toContain(`${host} limits the rate of requests (429).`)
  })

  it('of the server of tokens passes, too', async () => {
    let realm = ''
    const { host, asked } = await scripted(({ path, authorization }, response, count) => {
      if (path.startsWith('/token')) info(response, count === 1 ? 503 : 200, {}, count === 1 ? '' : '{"token":"t"}')
      else if (authorization === undefined) info(response, 401, { 'www-authenticate': `Bearer realm="${realm}"` })
      else info(response, 200, headers)
    })
    realm = `http://${host}/token`
    await logOf(async () => {
      expect((await client(host).resolve(tag(host)))?.digest).toBe(digest)
    })
    expect(asked.filter(({ path }) => path.startsWith('/token'))).toHaveLength(2)
  })

  it('with no cure is not tried again', async () => {
    const { host, asked } = await scripted((_, response) => {
      info(response, 403)
    })
    const error = await refused(client(host).resolve(tag(host)))
    expect(error.message).toBe(`Access denied: ${host} doesn't allow anonymous users to read acme/web (403).`)
    expect(asked).toHaveLength(1)
  })

  it('in hostile words is harmless', async () => {
    const { host } = await scripted(({ method }, response) => {
      info(
        response,
        method === 'HEAD' ? 405 : 403,
        {},
        JSON.stringify({
          errors: [{ code: '::error::', message: `\u001b[31m\r\n::set-output name=x::${'y'.repeat(5000)}` }],
        }),
      )
    })
    const { message } = await refused(client(host).resolve(tag(host)))
    expect(message).toContain('\\u001b[31m\\r\\n::set-output')
    expect(message).not.toMatch(/\p{Cc}|::error::/u)
    expect(message.length).toBeLessThan(400)
  })

  it('of places that lead to one another ends', async () => {
    const { host, asked } = await scripted((_, response) => {
      info(response, 307, { location: '/v2/again' })
    })
    expect((await refused(client(host).resolve(tag(host)))).message).toContain('redirects too often')
    expect(asked.length).toBeLessThan(10)
  })
})

describe('a connection', () => {
  it.each(['nothing at all', 'a beginning'])('ends where a server says %s and is silent then', async (what) => {
    const { host } = await scripted((_, response) => {
      if (what === 'a beginning') response.writeHead(200).write('x')
    })
    const connection = openConnection({ insecure: [host], env: {}, quietMs: 200 })
    const request = { method: 'GET', url: new URL(`http://${host}/x`), limit: 100 } as const
    await expect(connection.roundTrip(request)).rejects.toMatchObject({
      transient: true,
      message: `${host} sent nothing for 0.2 s`,
    })
    connection.close()
  })

  it.each(['PUT', 'POST', 'DELETE'] as const)(
    'waits longer for the answer to a %s, and says how long',
    async (method) => {
      const { host } = await scripted(() => undefined)
      const connection = openConnection({ insecure: [host], env: {}, quietMs: 100, totalMs: 300 })
      const request = { method, url: new URL(`http://${host}/x`), limit: 100 }
      await expect(connection.roundTrip(request)).rejects.toMatchObject({
        transient: true,
        message: `${host} sent no complete response within 0.3 s`,
      })
      connection.close()
    },
  )

  it('goes without https only to hosts that were named, by their ports', async () => {
    const { host, asked } = await scripted((_, response) => {
      info(response, 200)
    })
    for (const insecure of [[], ['127.0.0.1'], [`${host}0`], ['localhost']]) {
      const connection = openConnection({ insecure, env: {} })
      const request = { method: 'GET', url: new URL(`http://${host}/x`), limit: 100 } as const
      await expect(connection.roundTrip(request)).rejects.toThrow("doesn't use HTTPS")
      expect(await connection.originOf(host)).toBe(`https://${host}`)
      connection.close()
    }
    expect(asked).toStrictEqual([])
  })

  it('to Docker Hub goes to its registry', async () => {
    const connection = openConnection({ insecure: ['docker.io'], env: {} })
    expect(await connection.originOf('docker.io')).toBe('https://registry-1.docker.io')
    connection.close()
  })
})
