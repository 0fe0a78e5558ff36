import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, jest } from '@jest/globals'
import type { Entries } from '../../../../src/cache/backends/entries.js'
import { openRegistry } from '../../../../src/cache/backends/registry.js'
import { blobNameOf, MANIFEST_TYPE } from '../../../../src/cache/backends/registry-manifest.js'
import {
  buildRecordKey,
  indexKey,
  indexPath,
  indexPrefix,
  newestOf,
  partKey,
  partPath,
} from '../../../../src/cache/key.js'
import { RegistryError } from '../../../../src/errors.js'
import { type FakeArtifacts, fakeArtifacts } from '../../registry/fake-artifacts.js'
import { logOf, settled, temporaryFolder } from '../../helpers.js'

const [NAME, OTHER] = ['h.example/acme/web-cache', 'h.example/acme/base-cache']
const [MAIN, OLD] = ['refs/heads/main', 'refs/heads/old']
const [ONE, TWO] = ['1', '2'].map((digit) => ({ sha256: digit.repeat(64), bytes: 100 })) as [Part, Part]
const DAY = 24 * 60 * 60 * 1000

type Part = { readonly sha256: string; readonly bytes: number }

interface Job {
  readonly entries: Entries
  readonly further: readonly Entries[]
  put(path: string, text: string): void
  get(path: string): string
}

/** Another job, with nothing but the registry in common with those before it. */
function job(
  registry: FakeArtifacts,
  { from = [NAME], to = NAME, ttlMs = DAY }: { from?: string[]; to?: string; ttlMs?: number } = {},
): Job {
  const stagingDir = temporaryFolder()
  const access = { open: (name: string) => Promise.resolve(registry.open(name)) }
  const { entries, further = [] } = openRegistry({ stagingDir, from, to, access, title: 'tests', ttlMs })
  return {
    entries,
    further,
    put(path, text) {
      mkdirSync(dirname(join(stagingDir, path)), { recursive: true })
      writeFileSync(join(stagingDir, path), text)
    },
    get: (path) => readFileSync(join(stagingDir, path), 'utf8'),
  }
}

/** Leaves an index of a branch, with the parts that it names. */
async function leave(
  one: Job,
  text: string,
  { ref = MAIN, parts = [ONE] }: { ref?: string; parts?: Part[] } = {},
): Promise<string> {
  for (const { sha256 } of parts) {
    one.put(partPath(sha256), `part ${sha256}`)
    await one.entries.store(partKey(sha256), partPath(sha256))
  }
  one.put(indexPath(ref), text)
  return await one.entries.store(indexKey('scope', ref, `run-${text.length}`), indexPath(ref), undefined, parts)
}

const find = (one: Job, ref = MAIN) => one.entries.fetch(indexPrefix('scope', ref), indexPath(ref))
const count = ({ asked }: FakeArtifacts, question: RegExp) => asked.filter((one) => question.test(one)).length

describe('a cache in a registry', () => {
  it('has one tag a branch, whatever is left there, and deletes what it replaces', async () => {
    const registry = fakeArtifacts()
    await expect(leave(job(registry), 'first')).resolves.toBe('stored')
    await expect(leave(job(registry), 'the second', { parts: [ONE, TWO] })).resolves.toBe('stored')
    expect(registry.tags(NAME)).toStrictEqual([newestOf(indexPrefix('scope', MAIN))])
    expect(count(registry, /^manifest delete/)).toBe(1)
    const next = job(registry)
    await expect(find(next)).resolves.toBeDefined()
    expect(next.get(indexPath(MAIN))).toBe('the second')
  })

  it('sends no part twice, and asks for none that the index before has named', async () => {
    const registry = fakeArtifacts()
    await leave(job(registry), 'first')
    const before = count(registry, /^blob (head|put) sha256:1111/)
    const later = job(registry)
    later.put(indexPath(MAIN), 'later')
    await later.entries.store(indexKey('scope', MAIN, 'x'), indexPath(MAIN), undefined, [ONE])
    expect(count(registry, /^blob (head|put) sha256:1111/)).toBe(before)
    await leave(job(registry), 'another')
    expect(count(registry, /^blob put sha256:1111/)).toBe(1)
  })

  it('reads a small index by one request, and a large one', async () => {
    const registry = fakeArtifacts()
    await leave(job(registry), 'small')
    const before = registry.asked.length
    await find(job(registry))
    expect(registry.asked.length - before).toBe(1)
    await leave(job(registry), randomBytes(150_000).toString('hex'))
    const one = job(registry)
    await find(one)
    expect(one.get(indexPath(MAIN))).toHaveLength(300_000)
  })

  it('takes no text but the one of the digest that its manifest names', async () => {
    const registry = fakeArtifacts()
    const tag = newestOf(indexPrefix('scope', MAIN))
    const other = gzipSync('another')
    await leave(job(registry), 'small')
    const signal = new AbortController().signal
    const { text = '' } = (await registry.open(NAME).fetchManifest(tag, signal)) ?? {}
    const forged = text.replace(/"data":"[^"]*"/, `"data":"${other.toString('base64')}"`)
    await registry.open(NAME).putManifest(tag, MANIFEST_TYPE, forged, signal)
    const small = job(registry)
    await find(small)
    expect(small.get(indexPath(MAIN))).toBe('small')

    const large = randomBytes(150_000).toString('hex')
    await leave(job(registry), large)
    registry.blobs(NAME).set(blobNameOf(gzipSync(large)).digest, other)
    const one = job(registry)
    await expect(find(one)).resolves.toBeUndefined()
    expect(one.entries.failures()).toStrictEqual([expect.stringContaining("content that doesn't match sha256:")])
  })

  it('unpacks no more of a text than a text may have', async () => {
    const registry = fakeArtifacts()
    await leave(job(registry), 'x'.repeat(100_000))
    const one = job(registry)
    const fetched = one.entries.fetch(indexPrefix('scope', MAIN), indexPath(MAIN), undefined, 50_000)
    await expect(fetched).resolves.toBeUndefined()
  })

  it('leaves out of a manifest what the registry has lost', async () => {
    const registry = fakeArtifacts()
    await leave(job(registry), 'first', { parts: [ONE, TWO] })
    registry.blobs(NAME).delete(`sha256:${ONE.sha256}`)
    const later = job(registry)
    later.put(indexPath(MAIN), 'later')
    await expect(
      later.entries.store(indexKey('scope', MAIN, 'x'), indexPath(MAIN), undefined, [ONE, TWO]),
    ).resolves.toBe('stored')
    await expect(later.entries.fetch(partKey(ONE.sha256), partPath(ONE.sha256))).resolves.toBeUndefined()
    await expect(later.entries.fetch(partKey(TWO.sha256), partPath(TWO.sha256))).resolves.toBeDefined()
    expect(later.entries.failures()).toStrictEqual([])
  })

  it('takes an image where the registry takes no artifact', async () => {
    const registry = fakeArtifacts()
    registry.traits.takesArtifacts = false
    await expect(leave(job(registry), 'text')).resolves.toBe('stored')
    const one = job(registry)
    await find(one)
    expect(one.get(indexPath(MAIN))).toBe('text')
  })

  it('says once that nothing is deleted', async () => {
    const registry = fakeArtifacts()
    registry.traits.deletes = false
    await leave(job(registry), 'first')
    const log = await logOf(async () => {
      const one = job(registry)
      await leave(one, 'second')
      await leave(one, 'the third')
    })
    expect(log.match(/doesn't let this job delete/g)).toHaveLength(1)
  })

  it('warns where everybody can read it, when a branch begins', async () => {
    const registry = fakeArtifacts()
    registry.traits.isPublic = true
    expect(await logOf(() => leave(job(registry), 'first'))).toContain(`everybody can read ${NAME}`)
    expect(await logOf(() => leave(job(registry), 'second'))).toBe('')
  })

  it('removes the indexes and records of branches that had none for too long', async () => {
    const registry = fakeArtifacts()
    const old = job(registry)
    await leave(old, 'old', { ref: OLD })
    old.put('note', 'record')
    await old.entries.store(buildRecordKey('scope', OLD, 'x'), 'note')
    await leave(job(registry), 'kept', { ref: 'refs/heads/kept' })
    expect(registry.tags(NAME)).toHaveLength(3)
    await leave(job(registry, { ttlMs: -DAY }), 'new')
    expect(registry.tags(NAME)).toStrictEqual([newestOf(indexPrefix('scope', MAIN))])
  })

  it('reads further repositories, and mounts what it takes from them', async () => {
    const registry = fakeArtifacts()
    await leave(job(registry, { from: [OTHER], to: OTHER }), 'other')
    const one = job(registry, { from: [NAME, OTHER] })
    await expect(find(one)).resolves.toBeUndefined()
    const [further] = one.further
    await expect(further?.fetch(indexPrefix('scope', MAIN), indexPath(MAIN))).resolves.toBeDefined()
    await expect(one.entries.fetch(partKey(ONE.sha256), partPath(ONE.sha256))).resolves.toBeDefined()
    one.put(indexPath(MAIN), 'own')
    await one.entries.store(indexKey('scope', MAIN, 'x'), indexPath(MAIN), undefined, [ONE])
    expect(count(registry, /^blob mount/)).toBe(1)
    expect(registry.blobs(NAME).has(`sha256:${ONE.sha256}`)).toBe(true)
  })

  it.each<[what: string, error: RegistryError, asked: number, says: RegExp]>([
    [
      'limits the rate',
      new RegistryError('Too many.', 'Wait.', true, { limitsRate: true }),
      1,
      /^Too many\. The rest of this run doesn't use it\.$/,
    ],
    ['refuses', new RegistryError('Access denied.', 'Log in.', false, { refuses: true }), 1, /^Access denied\.$/],
    ['is ill', new RegistryError('503.', 'Wait.', true), 2, /^503\.$/],
  ])('a registry that %s is told of once, and the build goes on', async (_, error, asked, says) => {
    const registry = fakeArtifacts()
    registry.fail(/^manifest get/, error)
    const one = job(registry)
    await expect(find(one)).resolves.toBeUndefined()
    expect(count(registry, /^manifest get/)).toBe(asked)
    if (asked === 1) await find(one)
    expect(count(registry, /^manifest get/)).toBe(asked)
    expect(one.entries.failures()).toStrictEqual([expect.stringMatching(says)])
  })

  it('a registry that does not answer is told of once, and the build goes on', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] })
    try {
      const registry = fakeArtifacts()
      registry.hang(/^(manifest|blob) get/)
      const one = job(registry)
      const { value } = await settled(async () => [
        await find(one),
        await one.entries.fetch(partKey(ONE.sha256), partPath(ONE.sha256)),
      ])
      expect(value).toStrictEqual([undefined, undefined])
      expect(one.entries.failures()).toStrictEqual(['The registry of the cache was too slow: no response within 20 s.'])
    } finally {
      jest.useRealTimers()
    }
  })

  it.each([
    ['has its parts', false],
    ['misses those that the registry removed at once', true],
  ])('an index that is replaced while it is read %s', async (_, collects) => {
    const registry = fakeArtifacts()
    await leave(job(registry), 'first', { parts: [ONE] })
    registry.beforehand(/^blob get/, async () => {
      await leave(job(registry), 'the second', { parts: [TWO] })
      if (collects) registry.blobs(NAME).delete(`sha256:${ONE.sha256}`)
    })
    const one = job(registry)
    await expect(find(one)).resolves.toBeDefined()
    expect(one.get(indexPath(MAIN))).toBe('first')
    const found = await one.entries.fetch(partKey(ONE.sha256), partPath(ONE.sha256))
    expect(found === undefined).toBe(collects)
    expect(one.entries.failures()).toStrictEqual([])
    const next = job(registry)
    await find(next)
    expect(next.get(indexPath(MAIN))).toBe('the second')
  })

  it('two jobs that write at once leave one index, and whichever it is can be read', async () => {
    const registry = fakeArtifacts()
    await leave(job(registry), 'before', { parts: [ONE] })
    registry.beforehand(/^manifest put/, () => leave(job(registry), 'the other', { parts: [TWO] }))
    await expect(leave(job(registry), 'this one', { parts: [ONE] })).resolves.toBe('stored')
    expect(registry.tags(NAME)).toHaveLength(1)
    const next = job(registry)
    await find(next)
    expect(next.get(indexPath(MAIN))).toBe('this one')
    await expect(next.entries.fetch(partKey(ONE.sha256), partPath(ONE.sha256))).resolves.toBeDefined()
  })

  it('tries once more what failed for a moment, and says nothing of it', async () => {
    const registry = fakeArtifacts()
    registry.fail(/^blob put sha256:1111/, new RegistryError('503.', 'Wait.', true), 1)
    const one = job(registry)
    await expect(leave(one, 'text')).resolves.toBe('stored')
    expect(one.entries.failures()).toStrictEqual([])
  })

  it('gives up what is under way when it is closed', async () => {
    const registry = fakeArtifacts()
    await leave(job(registry), 'text')
    const one = job(registry)
    const pending = find(one)
    one.entries.close()
    await expect(pending).resolves.toBeUndefined()
    expect(one.entries.failures()).toStrictEqual([])
  })
})
