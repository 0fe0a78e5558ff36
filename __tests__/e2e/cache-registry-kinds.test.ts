import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'

import type { ArtifactRepository } from '../../src/artifact-repository.js'
import { openRegistry } from '../../src/cache/backends/registry.js'
import type { Entries } from '../../src/cache/backends/entries.js'
import { indexKey, indexPath, indexPrefix, partKey, partPath } from '../../src/cache/key.js'
import { openRegistries } from '../../src/registry/client.js'
import { makeFolder, removeFolders } from '../harness/folders.js'
import { type Particulars, startParticularRegistry } from '../harness/particular-registry.js'
import { provide } from '../harness/provide.js'
import { type Registry, startRegistry } from '../harness/registry.js'
import { testUnless } from '../harness/skipping.js'
import { exhaustively, isExhaustive } from '../harness/test-set.js'

/** What is known of a registry, from the issue beside it: the real ones want accounts. */
interface Kind extends Particulars {
  readonly name: string
  /** Of what is stored first, and of what is stored in its place. */
  readonly stored?: readonly ['stored' | 'failed', 'stored' | 'failed']
  /** What the user is told, in one sentence. */
  readonly says?: RegExp
}

const ANY = /./
const MANIFESTS = /\/manifests\//
const UPLOADS = /\/blobs\/uploads\//
const ofArtifact = /"artifactType"/
const error = (code: string, message: string) => [{ code, message }]

const kinds: readonly Kind[] = [
  { name: 'a registry without particulars', refusals: [] },
  {
    // podman-container-tools/skopeo#1880; apple/swift-container-plugin#43
    name: 'GHCR: deletes nothing, and says relatively where an upload goes on',
    relativeLocations: true,
    refusals: [
      {
        method: 'DELETE',
        path: MANIFESTS,
        answer: { status: 405, errors: error('UNSUPPORTED', 'The operation is unsupported.') },
      },
    ],
  },
  {
    // containers/image#1009
    name: 'Artifactory: deletes nothing',
    refusals: [
      {
        method: 'DELETE',
        path: MANIFESTS,
        answer: { status: 406, body: '{"errors":[{"status":406,"message":"Not Acceptable"}]}' },
      },
    ],
  },
  {
    // moby/buildkit#6171, opcr-io/policy#149
    name: 'ECR: takes no artifact type, mounts nothing that no manifest names',
    refusals: [
      {
        method: 'PUT',
        path: MANIFESTS,
        body: ofArtifact,
        answer: {
          status: 405,
          errors: error(
            'UNSUPPORTED',
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
          ),
        },
      },
    ],
  },
  {
    // moby/buildkit#3776, aws/containers-roadmap#2380
    name: 'ECR with immutable tags',
    refusals: [
      {
        method: 'PUT',
        path: MANIFESTS,
        body: /title":"second"/,
        answer: {
          status: 400,
          errors: error(
            'TAG_INVALID',
            "The image tag 'x' already exists in the 'acme/web-cache' repository and cannot be overwritten because the tag is immutable.",
          ),
        },
      },
    ],
    stored: ['stored', 'failed'],
    says: /doesn't allow tags of \S+\/web-cache to be replaced, and a cache replaces its tags \(400 TAG_INVALID: .*\)\. Make the tags of this repository mutable/,
  },
  {
    // regclient/regclient#869
    name: 'ECR without the repository',
    refusals: [
      {
        method: 'POST',
        path: UPLOADS,
        answer: {
          status: 404,
          errors: error(
            'NAME_UNKNOWN',
            "The repository with name 'acme/web-cache' does not exist in the registry with id '1'",
          ),
        },
      },
    ],
    stored: ['failed', 'failed'],
    says: /has no repository \S+\/web-cache, .* some registries require it to be created before the first push\./,
  },
  {
    // aws/containers-roadmap#1970
    name: 'ECR without the repository, where it hangs up',
    refusals: [{ method: 'POST', path: UPLOADS, answer: 'hangs up' }],
    stored: ['failed', 'failed'],
    says: /^Request to \S+ failed: .*socket hang up/,
  },
  {
    // goharbor/harbor: ErrImmutable
    name: 'Harbor with immutable tags',
    refusals: [
      {
        method: 'PUT',
        path: MANIFESTS,
        body: /title":"second"/,
        answer: {
          status: 412,
          errors: error('PRECONDITION', "Failed to process request due to 'web-cache:x' configured as immutable."),
        },
      },
    ],
    stored: ['stored', 'failed'],
    says: /doesn't allow tags of \S+\/web-cache to be replaced/,
  },
  {
    // oras-project/oras#1924
    name: 'Harbor: mounts nothing of a project that the login has no right to',
    refusals: [
      {
        method: 'POST',
        path: /[?&]mount=/,
        answer: { status: 401, errors: error('UNAUTHORIZED', 'unauthorized to access repository: acme/base-cache') },
      },
    ],
  },
  {
    name: 'Harbor: a robot account that may not delete',
    refusals: [
      { method: 'DELETE', path: MANIFESTS, answer: { status: 403, errors: error('DENIED', 'requested access') } },
    ],
  },
  {
    // oras-project/oras#738
    name: 'Quay: takes the types of images alone',
    refusals: [
      {
        method: 'PUT',
        path: MANIFESTS,
        body: /"mediaType":"(?!application\/vnd\.oci\.image\.)/,
        answer: { status: 400, errors: error('MANIFEST_INVALID', 'manifest invalid') },
      },
    ],
  },
  {
    // ocx-sh/ocx#480
    name: 'GitLab: takes artifact types that it knows',
    refusals: [
      {
        method: 'PUT',
        path: MANIFESTS,
        body: ofArtifact,
        answer: { status: 400, errors: error('MANIFEST_INVALID', 'manifest invalid') },
      },
    ],
  },
  {
    // docker/hub-feedback#2360
    name: 'Docker Hub: deletes nothing',
    refusals: [{ method: 'DELETE', path: ANY, answer: { status: 405 } }],
  },
]

let registry: Registry
const stops: (() => Promise<void> | void)[] = []

beforeAll(async () => {
  registry = await startRegistry()
})
beforeEach(() => {
  // What is said of a repository that everybody can read would be annotations of whoever runs this.
  jest.spyOn(process.stdout, 'write').mockReturnValue(true)
})
afterEach(async () => {
  jest.restoreAllMocks()
  for (const stop of stops.splice(0).reverse()) await stop()
})
afterAll(async () => {
  await registry.stop()
  await removeFolders()
})

interface Job {
  readonly entries: Entries
  /** Leaves an index with a part of its own, and with those of other texts. */
  leave(text: string, ...others: readonly string[]): Promise<string>
  /** What it finds: the text of the index, and of the parts of these texts. */
  find(...texts: readonly string[]): Promise<readonly (string | undefined)[]>
}

/** A job with nothing but repositories in common with those before it. The title of what it stores is its own. */
function job(host: string, title: string, names: { readonly from: readonly string[]; readonly to: string }): Job {
  const registries = openRegistries({ logins: { auths: {}, credHelpers: {} }, insecure: [host], env: {} })
  const stagingDir = makeFolder('staging')
  const access = {
    open: (name: string, writes: boolean): Promise<ArtifactRepository> =>
      Promise.resolve(registries.openArtifacts(name, writes)),
  }
  const [from, to] = [names.from.map((name) => `${host}/${name}`), `${host}/${names.to}`]
  const { entries } = openRegistry({ stagingDir, from, to, access, title, ttlMs: 86_400_000 })
  stops.push(() => {
    entries.close()
  })
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(stagingDir, path)), { recursive: true })
    writeFileSync(join(stagingDir, path), text)
  }
  const get = (path: string) => readFileSync(join(stagingDir, path), 'utf8')
  return {
    entries,
    async leave(text, ...others) {
      const part = partOf(text)
      put(partPath(part.sha256), `part of ${text}`)
      put(indexPath(REF), text)
      await entries.store(partKey(part.sha256), partPath(part.sha256))
      return await entries.store(indexKey('scope', REF, text), indexPath(REF), undefined, [part, ...others.map(partOf)])
    },
    async find(...texts) {
      const index = await entries.fetch(indexPrefix('scope', REF), indexPath(REF))
      const found = [index && get(indexPath(REF))]
      for (const { sha256 } of texts.map(partOf))
        found.push((await entries.fetch(partKey(sha256), partPath(sha256))) && get(partPath(sha256)))
      return found
    },
  }
}

const REF = 'refs/heads/main'

function partOf(text: string): { readonly sha256: string; readonly bytes: number } {
  const bytes = Buffer.from(`part of ${text}`)
  return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length }
}

describe('a cache in a registry of another kind', () => {
  it.each(kinds.map((kind) => [kind.name, kind] as const))('%s', (_, kind) => expectKept(registry, kind))

  const built = isExhaustive ? provide('from-go.sh', 'registry', '3.1.2') : { missing: 'it takes minutes to build' }
  const [program, reason] = 'missing' in built ? ['', built.missing] : [join(built.folder, 'bin/registry'), undefined]
  exhaustively(testUnless(reason))('distribution 3', async () => {
    const newer = await startRegistry({ program })
    await expectKept(newer, { name: 'distribution 3', refusals: [] }).finally(() => newer.stop())
  })
})

/** Leaves an index, and another in its place, with parts of a further repository; and reads what should be there then. */
async function expectKept({ host }: Registry, kind: Kind): Promise<void> {
  const { name } = kind
  const particular = await startParticularRegistry(host, kind)
  stops.push(() => particular.stop())
  const { stored = ['stored', 'stored'], says } = kind
  const folder = createHash('sha256').update(name).digest('hex').slice(0, 8)
  const [own, base] = [`${folder}/web-cache`, `${folder}/base-cache`]
  const at = (title: string, from = [own, base]) => job(particular.host, title, { from, to: own })

  await expect(job(host, 'base', { from: [], to: base }).leave('base')).resolves.toBe('stored')
  const first = at('first')
  await expect(first.leave('first')).resolves.toBe(stored[0])
  const second = at('second')
  await second.find()
  await expect(second.leave('second', 'first', 'base')).resolves.toBe(stored[1])
  const texts = [...first.entries.failures(), ...second.entries.failures()]
  expect(texts).toStrictEqual(texts.map(() => expect.stringMatching(says ?? /^$/) as unknown))
  expect(texts.length > 0).toBe(says !== undefined)

  const third = at('third', [own])
  const newest = stored.filter((one) => one === 'stored').length
  const found = [[undefined], ['first', 'part of first'], ['second', 'part of second', 'part of first', 'part of base']]
  const names = [[], ['first'], ['second', 'first', 'base']]
  await expect(third.find(...(names[newest] ?? []))).resolves.toStrictEqual(found[newest])
  expect(third.entries.failures()).toStrictEqual([])
  if (kind.refusals.length > 0) expect(particular.refused).not.toStrictEqual([])
}
