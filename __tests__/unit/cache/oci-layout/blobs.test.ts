import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from '@jest/globals'
import { formatBlobIndex, parseBlobIndex } from '../../../../src/cache/oci-layout/index.js'
import { openArchives } from '../../../../src/cache/backends/archives.js'
import { saveDeferred } from '../../../../src/cache/backends/deferred-save.js'
import { openDirectory } from '../../../../src/cache/backends/directory.js'
import type { RestoredStorage, Saved } from '../../../../src/cache/cache.js'
import type { SaveJob } from '../../../../src/cache/snapshot.js'
import type { RecordedStep } from '../../../../src/dockerfile/recorded-steps.js'
import type { OciLayout } from '../../../../src/build-storage.js'
import { temporaryFolder } from '../../helpers.js'
import { DAY, hex, jobOf, MemoryEntries, NOW } from '../fixtures.js'

const SAVED: OciLayout = { kind: 'blobs', layout: 'saved-image', staysInEngine: false, folder: '/unused' }
const OCI: OciLayout = { ...SAVED, layout: 'oci-layout' }
const LIMITS = { now: NOW, ttlMs: 7 * DAY, maxBytes: 2 ** 30, perKey: 1 }
const run = { ours: [], pushed: undefined, failed: false }
const step = (name: string, hit = false): RecordedStep => ({
  ...{ image: '', key: hex(name), content: undefined, hit, seconds: 3 },
})

let entries: MemoryEntries
/** Every run has a number of its own. */
let runs = 0

beforeEach(() => {
  entries = new MemoryEntries()
})

async function openRemote(blobs: OciLayout = SAVED, limits: Partial<typeof LIMITS> = {}): Promise<RestoredStorage> {
  const stagingDir = temporaryFolder()
  const root = join(stagingDir, 'root')
  mkdirSync(root)
  entries.stagingDir = stagingDir
  const of = {
    scope: 'scope',
    refs: ['refs/heads/main'],
    unique: `run-${(runs += 1)}`,
    mounts: false,
    deadlineMs: 60_000,
    skeletons: false,
    backend: { kind: 'github' } as const,
  }
  const options = { ...of, entries, stagingDir, read: true, write: true, limits: { ...LIMITS, ...limits } }
  return await openArchives(options).restore(blobs, new Map(), root)
}

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries({ 'manifest.json': '[]', ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
}

function filesIn(root: string): Record<string, string> {
  const all = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return Object.fromEntries(
    all.map(({ parentPath, name }) => {
      const path = join(parentPath, name)
      return [path.slice(root.length + 1), readFileSync(path, 'utf8')]
    }),
  )
}

async function keepIn(
  warm: RestoredStorage,
  files: Readonly<Record<string, string>>,
  steps = [step('1')],
): Promise<Saved> {
  write(warm.root, files)
  return await warm.save({ ...run, steps })
}

const big = 'x'.repeat(300_000)

describe('a folder of steps at a service', () => {
  it('comes back as it was left, the same large file at two paths included', async () => {
    const files = { 'one/layer.tar': big, 'two/layer.tar': big, 'one/json': '{"a":1}', 'two/json': '{}' }
    const saved = await keepIn(await openRemote(), files)
    expect(saved).toMatchObject({ parts: 2, bytes: 300_000 + '{"a":1}{}[]'.length, failures: [], later: undefined })
    const warm = await openRemote()
    expect(filesIn(warm.root)).toStrictEqual({ 'manifest.json': '[]', ...files })
    expect(warm.restored).toMatchObject({ images: 1, parts: 2, failures: [] })
    expect(warm.restored.stepSeconds).toStrictEqual(new Map([[hex('1'), 3]]))
  })

  it('is not sent again where nothing has changed, and of what has changed only what is new', async () => {
    await keepIn(await openRemote(), { 'one/layer.tar': big })
    const same = await openRemote()
    expect(await same.save({ ...run, steps: [step('1', true)] })).toMatchObject({ parts: 0, bytes: 0, failures: [] })
    const more = await keepIn(await openRemote(), { 'two/layer.tar': `${big}y` }, [step('1', true), step('2')])
    expect(more).toMatchObject({ parts: 1, bytes: 300_001 })
    expect((await openRemote()).restored.stepSeconds).toStrictEqual(
      new Map([step('1'), step('2')].map(({ key }) => [key, 3])),
    )
  })

  it('is written down anew when half of the time is over after which it isn’t used any more', async () => {
    await keepIn(await openRemote(), { one: big })
    const young = await openRemote(SAVED, { now: NOW + 3 * DAY })
    await young.save({ ...run, steps: [] })
    const stores = entries.stores.length
    const old = await openRemote(SAVED, { now: NOW + 4 * DAY })
    await old.save({ ...run, steps: [] })
    expect(entries.stores.length).toBe(stores + 1)
    expect((await openRemote(SAVED, { now: NOW + 12 * DAY })).restored.parts).toBe(0)
  })

  it('is of no use when a part is missing: nothing of it comes back, with one trouble', async () => {
    await keepIn(await openRemote(), { one: big, two: 'small' })
    entries.stored.delete([...entries.stored.keys()].find((key) => key.includes(sha256(big))) ?? '')
    const warm = await openRemote()
    expect(filesIn(warm.root)).toStrictEqual({})
    expect(warm.restored).toMatchObject({
      images: 0,
      parts: 0,
      failures: [expect.stringMatching(/a part of the cache is missing/)],
    })
    expect(await keepIn(warm, { one: big })).toMatchObject({ parts: 2, failures: [] })
    expect((await openRemote()).restored.parts).toBe(2)
  })

  it('is refused when its index wants more of a part than there is', async () => {
    await keepIn(await openRemote(), { two: 'small' })
    const [key = '', entry] = [...entries.stored].find(([name]) => name.includes('-i-')) ?? []
    const index = parseBlobIndex(entry?.content.toString() ?? '')
    const files = index.files.map((file) => ({ ...file, bytes: 2 ** 40 }))
    entries.stored.set(key, { path: entry?.path ?? '', content: Buffer.from(formatBlobIndex({ ...index, files })) })
    expect((await openRemote()).restored.failures).toStrictEqual([
      expect.stringMatching(/nothing was restored|shorter/),
    ])
  })

  it.each(['-i-', '-p-'])('says so when not all of it was taken: %s', async (kind) => {
    entries.refuses = (key) => key.includes(kind)
    const saved = await keepIn(await openRemote(), { one: big })
    expect(saved.failures).toStrictEqual(['not all steps were saved; the next run finds older ones'])
    expect((await openRemote()).restored.parts).toBe(0)
  })

  it('says what the service says, and only once', async () => {
    entries.refuses = (key) => key.includes('-p-')
    const warm = await openRemote()
    entries.failures = () => ['The cache service says no.'] as never
    expect((await keepIn(warm, { one: big })).failures).toStrictEqual(['The cache service says no.'])
    const place = { entries, stagingDir: entries.stagingDir }
    const job = jobOf({ storage: SAVED, root: warm.root })
    expect((await saveDeferred(job, place)).failures).toStrictEqual(['The cache service says no.'])
    const later = { ...job, reported: ['The cache service says no.'] }
    expect((await saveDeferred(later, place)).failures).toStrictEqual([])
    const again = await openRemote()
    expect(again.restored.failures).toStrictEqual(['The cache service says no.'])
    expect((await keepIn(again, { two: big })).failures).toStrictEqual([])
  })

  it('leaves to a later process what it learns of the service in a build that fails', async () => {
    const warm = await openRemote()
    write(warm.root, { one: big })
    entries.failures = () => ['The process that talks to the service has ended.'] as never
    expect((await warm.save({ ...run, steps: [step('1')], failed: true })).failures).toStrictEqual([])
  })

  it('is left for later when it is large', async () => {
    const warm = await openRemote()
    const saved = await keepIn(warm, { one: 'z'.repeat(9 * 2 ** 20) })
    expect(saved).toMatchObject({ parts: 0, later: expect.stringMatching(/later\.json$/) })
    const job = JSON.parse(readFileSync(saved.later ?? '', 'utf8')) as SaveJob
    const later = await saveDeferred(job, { entries, stagingDir: entries.stagingDir })
    expect(later).toMatchObject({ parts: 2, failures: [] })
    expect((await openRemote()).restored.parts).toBe(2)
  })

  it('is not kept when it is too much, when the build failed, or when the engine has left nothing', async () => {
    const much = await openRemote(SAVED, { maxBytes: 1000 })
    expect((await keepIn(much, { one: big })).failures).toStrictEqual([expect.stringMatching(/^nothing was saved: /)])
    expect(await (await openRemote()).save({ ...run, failed: true, steps: [] })).toMatchObject({
      parts: 0,
      failures: [],
    })
    for (const blobs of [SAVED, OCI])
      expect(await (await openRemote(blobs)).save({ ...run, steps: [] })).toMatchObject({ parts: 0, failures: [] })
    expect(entries.stores).toStrictEqual([])
  })
})

describe('a folder of steps that stays', () => {
  async function open(directory: string): Promise<RestoredStorage> {
    const options = {
      scope: 's',
      stagingDir: directory,
      refs: ['refs/heads/main'],
      read: true,
      write: true,
      mounts: false,
    }
    const cache = openDirectory({ ...options, directory, limits: LIMITS })
    const warm = await cache.restore(OCI, new Map(), '/unused')
    return { ...warm, save: async (one) => await warm.save(one).finally(() => cache.close()) }
  }

  it('that the engine has left nothing in is no trouble', async () => {
    const warm = await open(temporaryFolder())
    expect(await warm.save({ ...run, steps: [step('1')] })).toMatchObject({ failures: [] })
  })

  it('is there the next time, without what no manifest names', async () => {
    const folder = temporaryFolder()
    const warm = await open(folder)
    writeOci(warm.root, 'a layer')
    writeFileSync(join(warm.root, 'blobs/sha256', hex('stray')), 'stray')
    await warm.save({ ...run, steps: [step('1')] })
    expect(existsSync(join(warm.root, 'blobs/sha256', hex('stray')))).toBe(false)
    const again = await open(folder)
    expect(again.restored.stepSeconds).toStrictEqual(new Map([[hex('1'), 3]]))
    expect(existsSync(join(again.root, 'index.json'))).toBe(true)
    await again.save({ ...run, failed: true, steps: [] })
  })

  it.each(['gone', 'short'])('is emptied when a blob is %s', async (flaw) => {
    const folder = temporaryFolder()
    const warm = await open(folder)
    const blob = writeOci(warm.root, 'a layer')
    await warm.save({ ...run, steps: [step('1')] })
    rmSync(blob)
    if (flaw === 'short') writeFileSync(blob, 'a lay')
    const again = await open(folder)
    expect(filesIn(again.root)).toStrictEqual({})
    await again.save({ ...run, failed: true, steps: [] })
  })

  it('whose index the engine has broken is a trouble, and no more', async () => {
    const warm = await open(temporaryFolder())
    writeOci(warm.root, 'a layer')
    writeFileSync(join(warm.root, 'index.json'), '{')
    expect((await warm.save({ ...run, steps: [] })).failures).toHaveLength(1)
  })
})

/** The layout of an image with one layer. @returns the path of the layer */
function writeOci(root: string, layer: string): string {
  const put = (content: string) => {
    mkdirSync(join(root, 'blobs/sha256'), { recursive: true })
    writeFileSync(join(root, 'blobs/sha256', sha256(content)), content)
    return { digest: `sha256:${sha256(content)}`, size: content.length }
  }
  const manifest = put(JSON.stringify({ layers: [put(layer)], config: put('{}') }))
  writeFileSync(join(root, 'index.json'), JSON.stringify({ manifests: [manifest] }))
  return join(root, 'blobs/sha256', sha256(layer))
}

function sha256(content: string): string {
  return createHash('sha256').update(content).digest('hex')
}
