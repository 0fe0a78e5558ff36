import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'

import { fail, succeed } from '../harness/clean-step.js'
import { type Fault, type FlakyProxy, startFlakyProxy } from '../harness/flaky-proxy.js'
import { removeFolders } from '../harness/folders.js'
import { pullImage } from '../harness/images.js'
import { type Login, type Registry, startRegistry } from '../harness/registry.js'
import { exhaustively } from '../harness/test-set.js'

jest.setTimeout(180_000)

const login: Login = { username: 'ada', password: 'push-Yq5rB8dW' }

let open: Registry
let guarded: Registry

beforeAll(async () => {
  open = await startRegistry()
  guarded = await startRegistry({ login })
})

afterAll(async () => {
  await open.stop()
  await guarded.stop()
  await removeFolders()
})

/** Two layers, the second one of some size; no base image, so that every request is one of the push. */
const workspace = {
  Dockerfile: 'FROM scratch\nCOPY small /small\nCOPY large /large\n',
  small: 'small',
  large: 'large '.repeat(200_000),
}

/** Digests of the blobs whose upload was finished, once for each time. */
function uploaded({ requests }: FlakyProxy): string[] {
  const finished = requests.filter(({ method, answer }) => method === 'PUT' && answer === 201)
  return finished.flatMap(({ path }) => {
    const digest = /\/blobs\/uploads\//.test(path) ? new URL(path, 'http://registry').searchParams.get('digest') : null
    return digest ?? []
  })
}

describe('two registries at once, one of them with a login', () => {
  // Each test has its own repositories and proxies, so that nothing is there before it.
  let toOpen: FlakyProxy
  let toGuarded: FlakyProxy

  beforeAll(async () => {
    toOpen = await startFlakyProxy(open.host, [])
    toGuarded = await startFlakyProxy(guarded.host, [])
  })

  afterAll(async () => {
    await toOpen.stop()
    await toGuarded.stop()
  })

  test('every image gets every tag, each blob goes to each registry once', async () => {
    const images = [`${toOpen.host}/acme/web`, `${toOpen.host}/acme/mirror`, `${toGuarded.host}/acme/web`]
    const tags = ['1.4.2', '1.4', 'latest']
    const full = `${toGuarded.host}/acme/stable:current`
    const { outputs, log } = await succeed({
      workspace,
      inputs: {
        images: images.join('\n'),
        tags: [...tags, full].join('\n'),
        push: 'true',
        'tls-verify': 'false',
        registry: toGuarded.host,
        ...login,
      },
    })
    const references = [...tags.flatMap((tag) => images.map((image) => `${image}:${tag}`)), full]
    expect(outputs['tags']?.split('\n')).toHaveLength(references.length)
    expect(new Set(outputs['tags']?.split('\n'))).toStrictEqual(new Set(references))
    for (const reference of references) {
      const image = await pullImage(reference, reference.startsWith(toGuarded.host) ? login : undefined)
      expect([reference, image.digest]).toStrictEqual([reference, outputs['digest']])
      expect(log).toContain(`Pushed ${reference}@${image.digest}\n`)
    }
    const pushed = JSON.parse(outputs['pushed'] ?? '') as { reference: string; registry: string; digest: string }[]
    expect(new Set(pushed.map(({ reference }) => reference))).toStrictEqual(new Set(references))
    expect(pushed.every(({ reference, registry }) => reference.startsWith(`${registry}/`))).toBe(true)
    expect(new Set(pushed.map(({ digest }) => digest))).toStrictEqual(new Set([outputs['digest']]))

    const { manifest } = await pullImage(references[0] ?? '')
    for (const proxy of [toOpen, toGuarded]) {
      const here = references.filter((reference) => reference.startsWith(proxy.host))
      // A repository takes layers from another one of its registry; its configuration is sent to each.
      const layers = uploaded(proxy).filter((digest) => digest !== manifest.config.digest)
      expect(layers.sort()).toStrictEqual(manifest.layers.map(({ digest }) => digest).sort())
      const repositories = new Set(here.map((reference) => reference.replace(/:[^:/]*$/, '')))
      expect(uploaded(proxy).length - layers.length).toBe(repositories.size)
      expect(proxy.count('PUT', /\/manifests\//)).toBe(here.length)
    }
  })
})

exhaustively(test)(
  'one registry refuses: the other one still gets its image, and the step names what is missing',
  async () => {
    const inputs = { tags: `${guarded.host}/acme/web:1\n${open.host}/acme/half:1`, push: 'true', 'tls-verify': 'false' }
    const { error, outputs } = await fail({ workspace, inputs })
    expect(error).toContain(`Not pushed: ${guarded.host}/acme/web:1. Pushed: ${open.host}/acme/half:1.`)
    expect(error).toContain(`There is no login for ${guarded.host}, and it requires one`)
    expect((await pullImage(`${open.host}/acme/half:1`)).manifest.layers).toHaveLength(2)
    await expect(pullImage(`${guarded.host}/acme/web:1`, login)).rejects.toThrow('manifest unknown')
    // A later step may have to remove it.
    const [arrived, ...others] = JSON.parse(outputs['pushed'] ?? '') as object[]
    expect([arrived, others]).toMatchObject([{ reference: `${open.host}/acme/half:1`, digest: outputs['digest'] }, []])
  },
)

const manifests = /\/manifests\//
const refusing = (code: string, message: string, times: number): Fault => ({
  ...{ method: 'PUT', path: manifests, times },
  answer: { status: 400, errors: [{ code, message }] },
})

test('a registry that knows no OCI manifests gets the image in Docker’s format, with a line that says so', async () => {
  const old = await startFlakyProxy(open.host, [refusing('MANIFEST_INVALID', 'manifest invalid', 1)])
  try {
    const inputs = { images: `${old.host}/acme/old`, tags: '1\n2', push: 'true', 'tls-verify': 'false' }
    const { log, outputs } = await succeed({ workspace, inputs })
    expect(log).toContain(`Format: ${old.host} doesn't accept OCI manifests, so it gets the image in Docker's format\n`)
    // What it takes is found out once.
    expect(old.count('PUT', manifests)).toBe(3)
    for (const tag of ['1', '2']) {
      const { digest, manifest } = await pullImage(`${open.host}/acme/old:${tag}`)
      expect(digest).toBe(outputs['digest'])
      expect(manifest.mediaType).toBe('application/vnd.docker.distribution.manifest.v2+json')
    }
  } finally {
    await old.stop()
  }
})

test('a tag that can’t be changed, and has this very image, counts as pushed', async () => {
  const images = `${open.host}/acme/fixed`
  const push = (host: string) => ({
    workspace,
    inputs: {
      images: images.replace(open.host, host),
      tags: '1',
      push: 'true',
      'tls-verify': 'false',
      'extra-args': '--timestamp=0',
    },
  })
  const first = await succeed(push(open.host))
  const message = 'The image tag 1 already exists and cannot be overwritten because the repository is immutable.'
  const fixed = await startFlakyProxy(open.host, [refusing('TAG_INVALID', message, Infinity)])
  try {
    const again = await succeed(push(fixed.host))
    expect(again.outputs['digest']).toBe(first.outputs['digest'])
    expect(again.log).toContain(`${fixed.host}/acme/fixed:1: the push was refused, but the tag already is this image`)
  } finally {
    await fixed.stop()
  }
})

test('what is not to be pushed is not', async () => {
  const { outputs, log } = await succeed({ workspace, inputs: { images: `${open.host}/acme/unpushed` } })
  await expect(pullImage(`${open.host}/acme/unpushed:latest`)).rejects.toThrow('manifest unknown')
  expect(outputs).toMatchObject({ digest: '', pushed: '[]', tags: `${open.host}/acme/unpushed:latest` })
  expect(outputs['imageid']).toMatch(/^sha256:[0-9a-f]{64}$/)
  expect(JSON.parse(outputs['metadata'] ?? '')).not.toHaveProperty('containerimage.digest')
  expect(log).not.toContain('Pushed')
})
