import { createServer, type ServerResponse } from 'node:http'
import { afterEach, describe, expect, it } from '@jest/globals'
import { RegistryError } from '../../../src/errors.js'
import { parseReference, repositoryOf } from '../../../src/metadata/reference.js'
import { openRegistries } from '../../../src/registry/client.js'
import { artifactManifest, attachArtifact } from '../../../src/registry/referrers.js'
import { close, listen } from '../../harness/loopback.js'
import { fakeClock } from '../fake-clock.js'
import { rejection } from '../helpers.js'
import { fakeRegistries } from './fake-registries.js'

const INDEX = 'application/vnd.oci.image.index.v1+json'
const DIGEST = `sha256:${'d'.repeat(64)}`
const WEB = parseReference('ghcr.io/acme/web:1')
const artifact = (text: string) => ({
  type: 'application/vnd.acme.note+json',
  content: Buffer.from(text),
  annotations: { about: 'it' },
})

const stops: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

describe('the referrers API', () => {
  const page = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
  }
  it.each<[string, boolean, (response: ServerResponse, path: string) => void]>([
    [
      'lists what refers',
      true,
      (response) => response.writeHead(200, { 'content-type': `${INDEX}; charset=utf-8` }).end('{}'),
    ],
    ['isn’t there', false, (response) => response.writeHead(404).end()],
    ['isn’t known', false, (response) => response.writeHead(405).end()],
    ['wants a login that nobody has', false, (response) => response.writeHead(401).end()],
    ['is a page', false, page],
    [
      'leads to a page',
      false,
      (response, path) => {
        if (path === '/page') page(response)
        else response.writeHead(303, { location: '/page' }).end()
      },
    ],
  ])('%s: %s', async (_, has, answer) => {
    const server = createServer(({ url = '' }, response) => {
      if (url === '/v2/') response.end('{}')
      else answer(response, url)
    })
    const host = await listen(server)
    const registries = openRegistries({
      logins: { auths: {}, credHelpers: {} },
      own: [],
      insecure: [host],
      env: {},
      clock: fakeClock(),
    })
    stops.push(
      () => {
        registries.close()
      },
      () => close(server),
    )
    await expect(registries.hasReferrersApi({ registry: host, repository: 'acme/web', digest: DIGEST })).resolves.toBe(
      has,
    )
  })
})

describe('an artifact', () => {
  it('is a manifest with a subject', () => {
    const subject = { digest: DIGEST, mediaType: INDEX, size: 7 }
    const { bytes, mediaType } = artifactManifest(subject, artifact('note'))
    expect(mediaType).toBe('application/vnd.oci.image.manifest.v1+json')
    expect(JSON.parse(bytes.toString('utf8'))).toStrictEqual({
      ...{ schemaVersion: 2, mediaType, artifactType: 'application/vnd.acme.note+json', subject },
      config: {
        mediaType: 'application/vnd.oci.empty.v1+json',
        digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
        ...{ size: 2, data: 'e30=' },
      },
      layers: [
        {
          mediaType: 'application/vnd.acme.note+json',
          digest: 'sha256:edb465624291e4053c6c5ea4b7eb320dec773e10a57d26b95dcf0564f8e310f8',
          size: 4,
        },
      ],
      annotations: { about: 'it' },
    })
  })

  const world = () => {
    const fake = fakeRegistries()
    const image = { ...repositoryOf(WEB), digest: fake.put(WEB, { os: 'linux' }) }
    const tag = { ...repositoryOf(WEB), tag: image.digest.replace(':', '-') }
    const listed = async () => {
      const there = await fake.registries.resolve(tag)
      const index = there && (await fake.registries.fetchManifest({ ...repositoryOf(WEB), digest: there.digest }))
      return (JSON.parse(index?.bytes.toString() ?? '{"manifests":[]}') as { manifests: { digest: string }[] })
        .manifests
    }
    return { fake, image, tag, listed }
  }

  it('gets no tag where the registry lists it by itself', async () => {
    const { fake, image, listed } = world()
    fake.setReferrersApi(true)
    await expect(attachArtifact(fake.registries, image, artifact('note'), true)).resolves.toBe(true)
    expect(fake.tags()).toStrictEqual(['ghcr.io/acme/web:1'])
    await expect(listed()).resolves.toHaveLength(0)
  })

  it('is not put where nobody would find it', async () => {
    const { fake, image } = world()
    await expect(attachArtifact(fake.registries, image, artifact('note'), false)).resolves.toBe(false)
    expect(fake.asked.filter((question) => /^(put|upload)/.test(question))).toStrictEqual([])
  })

  it('joins the others under the fallback tag, once', async () => {
    const { fake, image, listed } = world()
    for (const text of ['one', 'two', 'one']) await attachArtifact(fake.registries, image, artifact(text), true)
    await expect(listed()).resolves.toHaveLength(2)
    await expect(listed()).resolves.toMatchObject([
      { annotations: { about: 'it' } },
      { artifactType: 'application/vnd.acme.note+json' },
    ])
  })

  it('is an error where the fallback tag has something else, which stays', async () => {
    const { fake, image, tag } = world()
    const other = fake.put(tag, { os: 'linux', author: 'somebody' })
    const error = await rejection(attachArtifact(fake.registries, image, artifact('note'), true))
    expect(error.message).toContain('has something else')
    await expect(fake.registries.resolve(tag)).resolves.toMatchObject({ digest: other })
  })

  it('is put again where somebody else has written the tag meanwhile', async () => {
    const { fake, image, tag, listed } = world()
    let isFirst = true
    const racing = {
      ...fake.registries,
      async putManifest(...[reference, manifest]: Parameters<typeof fake.registries.putManifest>) {
        const isLost = reference.tag === tag.tag && isFirst
        if (!isLost) {
          await fake.registries.putManifest(reference, manifest)
          return
        }
        isFirst = false
        await attachArtifact(fake.registries, image, artifact('theirs'), true)
        // As the real client does, which reads back what is there.
        throw new RegistryError('Another digest is there.', 'Look.', false)
      },
    }
    await attachArtifact(racing, image, artifact('ours'), true)
    await expect(listed()).resolves.toHaveLength(2)
  })
})
