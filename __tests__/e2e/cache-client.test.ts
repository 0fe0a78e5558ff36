import { execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals'
import ts from 'typescript'

import type { Entries } from '../../src/cache/backends/entries.js'
import { openGithub } from '../../src/cache/backends/github.js'
import { earlyWorker, startWorker } from '../../src/cache/backends/worker.js'
import {
  type Answer,
  type CacheService,
  type CacheServiceOptions,
  type Fault,
  type Job,
  startCacheService,
} from '../harness/cache-service.js'
import { makeFolder, removeFolders } from '../harness/folders.js'
import { repository } from '../harness/runner-files.js'
import { casesOfSet, exhaustively } from '../harness/test-set.js'

/** A copy, so that a bundle that is made anew meanwhile is not missed. */
const bundle = makeFolder('cache-worker')
const program = join(bundle, 'index.js')
const content = randomBytes(300_000)

// The process takes a second to start on a busy machine, and some tests wait for what the library waits for.
jest.setTimeout(300_000)

let service: CacheService
const services: CacheService[] = []
const opened: Entries[] = []

async function start(options?: CacheServiceOptions): Promise<CacheService> {
  service = await startCacheService(options)
  services.push(service)
  return service
}

/** The environment that a job gives to the process, as far as it matters here. */
function environment(job?: Job): Record<string, string> {
  const path = process.env['PATH'] ?? ''
  return { PATH: path, GITHUB_SERVER_URL: 'https://github.com', ...service.environment(job) }
}

/** A client with a staging directory of its own, as another run on another machine would have it. */
function client(job?: Job, env: Readonly<Record<string, string>> = {}): { entries: Entries; stagingDir: string } {
  const stagingDir = makeFolder('staging')
  mkdirSync(join(stagingDir, 'parts'))
  const entries = openGithub({ stagingDir, program, env: { ...environment(job), ...env } })
  opened.push(entries)
  return { entries, stagingDir }
}

/** Stores this as the file `path`, in a run of its own. */
async function leave(key: string, bytes: Uint8Array = content, job?: Job, path = 'part'): Promise<void> {
  const { entries, stagingDir } = client(job)
  writeFileSync(join(stagingDir, path), bytes)
  expect(await entries.store(key, path)).toBe('stored')
  entries.close()
}

/** The processes that this one has started to talk to a service, and what they have started. */
function processes(): number[] {
  const below = (pid: number): number[] => {
    const own = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
    return own.flatMap((child) => [child, ...below(child)])
  }
  return below(process.pid)
}

function workerProcess(): number {
  const found = processes().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program))
  if (found.length !== 1) throw new Error(`${found.length} processes talk to the service, not one`)
  return found[0] ?? 0
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn += 1) {
    if (turn === 2400) throw new Error('waited for two minutes in vain')
    await sleep(50)
  }
}

beforeAll(() => {
  cpSync(join(repository, 'dist/cache-worker'), bundle, { recursive: true })
})

afterEach(async () => {
  for (const entries of opened.splice(0)) entries.close()
  for (const one of services.splice(0)) await one.stop()
  await until(() => processes().length === 0)
})

afterAll(removeFolders)

const modes: readonly (readonly [name: string, options: CacheServiceOptions, job: Job])[] = [
  ['v2', {}, {}],
  ['v1', {}, { protocol: 'v1' }],
  ['v2 at Azure', { azure: true }, {}],
  ['v1 at Azure', { azure: true }, { protocol: 'v1' }],
  ['act', { act: true }, {}],
]

const modesOfSet = casesOfSet(modes, ([name]) => ['v2', 'v1', 'act'].includes(name))

describe.each(modesOfSet)('%s', (_, options, job) => {
  test('what one run stores, another fetches, and every call is counted', async () => {
    await start(options)
    const { entries, stagingDir } = client(job)
    writeFileSync(join(stagingDir, 'parts/one'), content)
    expect(await entries.store('k-1', 'parts/one')).toBe('stored')
    expect(readdirSync(join(stagingDir, 'parts'))).toStrictEqual(['one'])
    const other = client(job)
    expect(await other.entries.has('k-', 'parts/one')).toBe(true)
    expect(existsSync(join(other.stagingDir, 'parts/one'))).toBe(false)
    expect(await other.entries.fetch('k-', 'parts/one')).toBe('k-1')
    expect(readFileSync(join(other.stagingDir, 'parts/one')).equals(content)).toBe(true)
    expect([entries.counts(), other.entries.counts()]).toStrictEqual([
      { requests: 2, failures: 0 },
      { requests: 2, failures: 0 },
    ])
    expect(service.counters().service).toBe(4)
    expect([...entries.failures(), ...other.entries.failures()]).toStrictEqual([])
  })

  test('what is not there is no trouble, nor is it under another path', async () => {
    await start(options)
    await leave('k-1', content, job)
    service.forget()
    const { entries } = client(job)
    expect(await entries.fetch('k-2', 'part')).toBeUndefined()
    expect(await entries.has('k-2', 'part')).toBe(false)
    expect(await entries.fetch('k-1', 'other')).toBeUndefined()
    expect(entries.counts()).toStrictEqual({ requests: 3, failures: 0 })
    expect(service.counters()).toMatchObject({ service: 3, blob: 0 })
    expect(entries.failures()).toStrictEqual([])
  })
})

const protocols = casesOfSet(['v2', 'v1'] as const, (protocol) => protocol === 'v2')

describe.each(protocols)('%s', (protocol) => {
  const job = { protocol }

  test('the start of a key finds the newest, of this branch before the default one', async () => {
    await start()
    const feature = { protocol, ref: 'refs/heads/feature' }
    await leave('i-1', Buffer.from('main'), job)
    await leave('i-2', Buffer.from('main'), job)
    const { entries, stagingDir } = client(feature)
    expect(await entries.fetch('i-', 'part')).toBe('i-2')
    await leave('i-1', Buffer.from('feature'), feature)
    expect(await entries.fetch('i-', 'part')).toBe('i-1')
    expect(readFileSync(join(stagingDir, 'part'), 'utf8')).toBe('feature')
    expect(await client(job).entries.fetch('i-', 'part')).toBe('i-2')
  })

  test('a key that is there is taken, and that is no trouble', async () => {
    await start()
    await leave('k-1', content, job)
    const { entries, stagingDir } = client(job)
    writeFileSync(join(stagingDir, 'part'), 'other')
    expect(await entries.store('k-1', 'part')).toBe('taken')
    expect(entries.failures()).toStrictEqual([])
    expect(entries.counts()).toStrictEqual({ requests: 1, failures: 0 })
  })

  test('several at once come out each where it belongs', async () => {
    await start({ latency: 20 })
    const files = Array.from({ length: 9 }, (_, n) => [`parts/${n}`, randomBytes(10_000 + n)] as const)
    const { entries, stagingDir } = client(job)
    for (const [path, bytes] of files) writeFileSync(join(stagingDir, path), bytes)
    const stored = await Promise.all(files.map(([path]) => entries.store(path, path)))
    expect(stored).toStrictEqual(files.map(() => 'stored'))
    const other = client(job)
    expect(await Promise.all(files.map(([path]) => other.entries.fetch(path, path)))).toStrictEqual(
      files.map(([path]) => path),
    )
    for (const [path, bytes] of files) expect(readFileSync(join(other.stagingDir, path)).equals(bytes)).toBe(true)
  })

  test('a token that may only read is asked to write once, and goes on reading', async () => {
    await start()
    await leave('k-1', content, job)
    service.forget()
    const { entries, stagingDir } = client({ protocol, access: 'read' })
    writeFileSync(join(stagingDir, 'new'), 'new')
    expect(await entries.store('k-2', 'new')).toBe('failed')
    expect(await entries.store('k-3', 'new')).toBe('failed')
    expect(await entries.fetch('k-1', 'part')).toBe('k-1')
    expect(service.counters().service).toBe(2)
    expect(entries.failures()).toStrictEqual([
      expect.stringMatching(
        /^The cache service denies this job write access: .*cache write denied: token has no writable scopes\. If that is intended, write `cache-write: never`\.$/,
      ),
    ])
  })

  test('a token that may do nothing is asked once for each', async () => {
    await start()
    const { entries } = client({ protocol, access: 'none' })
    expect(await entries.fetch('k-1', 'part')).toBeUndefined()
    expect(await entries.has('k-1', 'part')).toBe(false)
    expect(service.counters().service).toBe(1)
    expect(entries.failures()).toStrictEqual([expect.stringContaining('denies this job read access: ')])
  })

  test.each(['read', 'none'])('cache-mode: %s of the workflow is a refusal, too', async (mode) => {
    await start()
    const { entries, stagingDir } = client(job, { ACTIONS_CACHE_MODE: mode })
    writeFileSync(join(stagingDir, 'part'), content)
    expect(await entries.store('k-1', 'part')).toBe('failed')
    expect(entries.failures()).toStrictEqual([
      expect.stringContaining(`write access: Cache save skipped: the effective cache-mode '${mode}' does not permit`),
    ])
    expect(service.requests).toStrictEqual([])
  })

  test('after a 429, nothing is asked any more', async () => {
    await start()
    service.script({ answer: { status: 429, headers: { 'retry-after': '18' } } })
    const { entries, stagingDir } = client(job)
    writeFileSync(join(stagingDir, 'part'), content)
    expect(await entries.fetch('k-1', 'part')).toBeUndefined()
    expect(await entries.fetch('k-2', 'part')).toBeUndefined()
    expect(await entries.store('k-3', 'part')).toBe('failed')
    expect(service.requests).toHaveLength(1)
    const [text = '', ...rest] = entries.failures()
    expect(rest).toStrictEqual([])
    expect(text).toMatch(
      /^The cache service is rate-limiting this repository: .*\. The rest of this run doesn't use it/,
    )
    expect(text).toContain(protocol === 'v2' ? 'your rate limit will reset in 18 seconds' : 'responded with 429')
    await until(() => processes().length === 0)
  })
})

interface Row {
  /** In the ordinary set as well: the one that stands for its class. */
  readonly isOrdinary?: boolean
  readonly call: Fault['call']
  readonly answer: Answer
  readonly job?: Job
  readonly azure?: boolean
  readonly store?: boolean
  readonly deadlineMs?: number
  readonly failure: RegExp
}

const find = 'GetCacheEntryDownloadURL'
const v1: Job = { protocol: 'v1' }
const late = /^The cache service was too slow: no response for "k-1" within 2 s\.$/
const slow = { deadlineMs: 2000, failure: late }
const unpacked = /^Could not read from the cache service: .*tar.* failed/
const rows: readonly Row[] = [
  { call: find, answer: { status: 500 }, ...slow },
  { isOrdinary: true, call: find, answer: { status: 503 }, ...slow },
  { call: find, answer: { hang: 4000 }, ...slow },
  { call: find, answer: 'cut', ...slow },
  { call: find, answer: 'garbage', ...slow },
  {
    isOrdinary: true,
    call: find,
    answer: { hang: 100 },
    failure: /^The connection to the cache service failed: .*ECONNRESET/,
  },
  {
    isOrdinary: true,
    call: find,
    answer: { status: 404 },
    failure: /^The cache service returned an error: .*\(404\) Not Found/,
  },
  { call: 'GetBlob', answer: 'cut', failure: /^The connection to the cache service failed: aborted\.$/ },
  { call: 'GetBlob', answer: 'cut', azure: true, failure: /^The connection to the cache service failed: aborted\.$/ },
  { call: 'GetBlob', answer: { stall: 4000 }, ...slow },
  { isOrdinary: true, call: 'GetBlob', answer: 'truncate', failure: unpacked },
  { call: 'GetBlob', answer: { flip: 200_000 }, failure: unpacked },
  { call: 'GetBlob', answer: { flip: 200_000 }, azure: true, failure: unpacked },
  { isOrdinary: true, call: 'GetBlob', answer: 'gone', failure: /error: status 404 instead of the archive\.$/ },
  { call: 'GetBlob', answer: 'expired', failure: /error: status 403 instead of the archive\.$/ },
  { call: 'HeadBlob', answer: 'gone', azure: true, failure: /error: status 404 instead of the archive\.$/ },
  { call: 'HeadBlob', answer: 'expired', azure: true, failure: /error: status 403 instead of the archive\.$/ },
  { call: 'getCacheEntry', job: v1, answer: { status: 500 }, failure: /error: .*responded with 500\.$/ },
  { call: 'getCacheEntry', job: v1, answer: { hang: 4000 }, ...slow },
  { call: 'getCacheEntry', job: v1, answer: 'cut', ...slow },
  { call: 'GetBlob', job: v1, answer: 'gone', failure: /error: status 404 instead of the archive\.$/ },
  { call: 'GetBlob', job: v1, answer: 'gone', azure: true, failure: /error: status 404 instead of the archive\.$/ },
  { call: 'CreateCacheEntry', store: true, answer: { status: 500 }, ...slow },
  { call: 'CreateCacheEntry', store: true, answer: 'cut', ...slow },
  { call: 'CreateCacheEntry', store: true, answer: { status: 404 }, failure: /error: .*\(404\) Not Found/ },
  { call: 'CreateCacheEntry', store: true, answer: { hang: 100 }, failure: /^The connection .* broke: .*ECONNRESET/ },
  { isOrdinary: true, call: 'PutBlob', store: true, answer: 'expired', failure: /error: .*Signature not valid/ },
  { call: 'PutBlob', store: true, answer: { status: 503 }, ...slow },
  { call: 'FinalizeCacheEntryUpload', store: true, answer: { status: 409 }, failure: /error: .*\(409\) Conflict/ },
  { call: 'reserveCache', job: v1, store: true, answer: { status: 500 }, failure: /error: .*responded with 500\.$/ },
  // By v1 the library gives the id of a reservation for these, as if all were well.
  {
    isOrdinary: true,
    call: 'uploadChunk',
    job: v1,
    store: true,
    answer: { status: 500 },
    failure: /error: .*with 500/,
  },
  { call: 'commitCache', job: v1, store: true, answer: { status: 409 }, failure: /error: .*with 409/ },
]

const nameOf = ({ call, answer, job, azure }: Row) =>
  `${job?.protocol ?? 'v2'}${azure === true ? ' at Azure' : ''} ${String(call)}: ${JSON.stringify(answer)}`

describe('a fault is a miss with one text', () => {
  const ofSet = casesOfSet(rows, ({ isOrdinary }) => isOrdinary === true)

  test.each(ofSet.map((row) => [nameOf(row), row] as const))('%s', async (_, row) => {
    await start({ azure: row.azure === true })
    if (row.store !== true) await leave('k-1', content, row.job)
    const { entries, stagingDir } = client(row.job)
    const deadlineMs = row.deadlineMs ?? 20_000
    // The process is there, so that the time is that of the fault alone.
    await entries.has('warm', 'part')
    service.script({ call: row.call ?? find, answer: row.answer })
    if (row.store === true) writeFileSync(join(stagingDir, 'part'), content)
    const result =
      row.store === true ? entries.store('k-1', 'part', deadlineMs) : entries.fetch('k-1', 'part', deadlineMs)
    expect(await result).toBe(row.store === true ? 'failed' : undefined)
    expect(entries.failures()).toStrictEqual([expect.stringMatching(row.failure)])
    expect(entries.counts().failures).toBe(1)
    expect(service.unfinished().length + service.entries().length).toBeLessThan(2)
  })

  exhaustively(test)('the library gives up by itself after five tries', async () => {
    await start()
    service.script({ call: find, answer: { status: 503 } })
    const { entries } = client()
    expect(await entries.fetch('k-1', 'part', 50_000)).toBeUndefined()
    expect(entries.failures()).toStrictEqual([
      expect.stringMatching(/^The cache service returned an error: .*after 5 attempts.*\(503\)/),
    ])
    expect(entries.counts()).toStrictEqual({ requests: 5, failures: 1 })
  })

  test('a file that is not there is not stored', async () => {
    await start()
    const { entries } = client()
    expect(await entries.store('k-1', 'part')).toBe('failed')
    expect(await entries.store('k-1', 'parts/part')).toBe('failed')
    expect(entries.failures()).toStrictEqual([
      expect.stringMatching(/^A cache file was missing when it was to be saved: Path Validation Error/),
    ])
    expect(service.requests).toStrictEqual([])
  })

  test.each(['../part', '/part', 'a/../b', '*', '!part', 'a\nb', '.', ''])('%j is no path for it', async (path) => {
    await start()
    const { entries } = client()
    expect(await entries.fetch('k-1', path)).toBeUndefined()
    expect(entries.failures()).toStrictEqual([expect.stringContaining('is not a relative path of a file')])
    expect(service.requests).toStrictEqual([])
  })
})

describe('stopping', () => {
  test('three failures in a row are enough; a success between them makes good', async () => {
    await start()
    await leave('good')
    service.forget()
    service.script({ call: find, key: /^bad/, answer: { status: 404 } })
    service.script({ call: find, key: /^cut/, answer: { hang: 10 } })
    const { entries } = client()
    for (const key of ['bad-1', 'bad-2', 'good', 'bad-3', 'cut-4', 'bad-5', 'good', 'bad-6'])
      expect(await entries.fetch(key, 'part')).toBe(
        key === 'good' && entries.counts().failures < 3 ? 'good' : undefined,
      )
    expect(service.counters().calls).toMatchObject({ [find]: 6 })
    expect(entries.counts()).toStrictEqual({ requests: 6, failures: 5 })
    // Of a service that fails in several ways, what has ended it is said.
    expect(entries.failures()).toStrictEqual([
      expect.stringMatching(/^The cache service returned .*\(404\).*\. The rest of this run doesn't use it\.$/),
    ])
  })

  test('those who wait for their turn are let go', async () => {
    await start()
    service.script({ call: find, answer: { hang: 10_000 } })
    const { entries } = client()
    const all = await Promise.all(Array.from({ length: 12 }, (_, n) => entries.fetch(`k-${n}`, `p-${n}`, 1500)))
    expect(all).toStrictEqual(all.map(() => undefined))
    // The first two that failed have let one more in each.
    expect(service.requests.length).toBeLessThan(7)
    expect(entries.failures()).toHaveLength(1)
  })

  test('the process is killed in the middle: all that was asked is given up, and it is not started again', async () => {
    await start()
    service.script({ call: 'PutBlob', answer: { stall: 60_000 } })
    const { entries, stagingDir } = client()
    for (const name of ['one', 'two']) writeFileSync(join(stagingDir, name), content)
    const all = ['one', 'two'].map((name) => entries.store(name, name))
    await until(() => service.counters().calls.PutBlob === 2)
    process.kill(workerProcess(), 'SIGKILL')
    expect(await Promise.all(all)).toStrictEqual(['failed', 'failed'])
    expect(await entries.fetch('one', 'one')).toBeUndefined()
    expect(processes()).toStrictEqual([])
    expect(entries.failures()).toStrictEqual([
      "The process that talks to the cache service ended by SIGKILL. The rest of this run doesn't use it.",
    ])
  })

  test('one that was started before it was needed answers, and another one if it has ended', async () => {
    await start()
    await leave('k-1')
    const stagingDir = makeFolder('staging')
    const options = { program, env: environment() }
    const started = startWorker(options)
    const entries = openGithub({ ...options, stagingDir, started })
    const others = openGithub({ ...options, stagingDir: makeFolder('staging'), started })
    opened.push(entries, others)
    expect(await entries.fetch('k-1', 'part')).toBe('k-1')
    expect(readFileSync(join(stagingDir, 'part')).equals(content)).toBe(true)
    expect(workerProcess()).toBe(started.pid)
    entries.close()
    await until(() => processes().length === 0)
    expect(await others.fetch('k-1', 'part')).toBe('k-1')
    expect(workerProcess()).not.toBe(started.pid)
  })

  test('one that nobody has asked anything ends with a word', async () => {
    await start()
    const early = earlyWorker()
    early.start({ program, env: environment() })
    expect(processes()).toHaveLength(1)
    early.end()
    await until(() => processes().length === 0)
    expect(early.take()).toBeUndefined()
  })

  test('a program that can’t run says why', async () => {
    await start()
    const entries = openGithub({
      stagingDir: makeFolder('staging'),
      program: '/nowhere/cache-worker.js',
      env: environment(),
    })
    opened.push(entries)
    expect(await entries.fetch('k-1', 'part')).toBeUndefined()
    expect(entries.failures()).toStrictEqual([
      expect.stringMatching(
        /ended with exit code 1: Error: Cannot find module '\/nowhere\/cache-worker\.js'\. The rest/,
      ),
    ])
  })

  test('close() ends tar with it, without a word', async () => {
    await start()
    const { entries, stagingDir } = client()
    writeFileSync(join(stagingDir, 'part'), randomBytes(100 * 1024 * 1024))
    const stored = entries.store('k-1', 'part')
    const findTar = () => processes().find((pid) => nameOfProcess(pid) === 'tar')
    await until(() => findTar() !== undefined)
    const tar = findTar() ?? 0
    // So that it can't come to an end by itself.
    process.kill(tar, 'SIGSTOP')
    entries.close()
    expect(await stored).toBe('failed')
    try {
      await until(() => nameOfProcess(tar) === '')
    } finally {
      if (nameOfProcess(tar) === 'tar') process.kill(tar, 'SIGKILL')
    }
    expect(entries.failures()).toStrictEqual([])
    expect(await entries.fetch('k-1', 'part')).toBeUndefined()
    await until(() => processes().length === 0)
  })

  test('without time, nothing is asked', async () => {
    await start()
    const { entries } = client()
    expect(await entries.fetch('k-1', 'part', 0)).toBeUndefined()
    expect([processes(), entries.failures()]).toStrictEqual([[], []])
  })
})

/** The name of the program that a process runs; '' when it has ended, whether its end was taken note of or not. */
function nameOfProcess(pid: number): string {
  try {
    const [file = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return basename(file)
  } catch {
    return ''
  }
}

describe('secrets and strangers', () => {
  test('no token is in the arguments, and standard output leads nowhere', async () => {
    await start()
    const { entries } = client()
    await entries.fetch('k-1', 'part')
    const pid = workerProcess()
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).toStrictEqual([process.execPath, program, ''])
    expect(readlinkSync(`/proc/${pid}/fd/1`)).toBe('/dev/null')
  })

  test('an archive of somebody else’s writes nothing but its file', async () => {
    await start()
    await leave('k-1')
    const { entries, stagingDir } = client()
    const outside = makeFolder('outside')
    const stage = makeFolder('stage')
    mkdirSync(join(stage, 'a'))
    for (const [path, text] of [
      ['part', 'part'],
      ['a/up', 'x'],
      ['absolute', 'x'],
    ] as const)
      writeFileSync(join(stage, path), text)
    symlinkSync(outside, join(stage, 'link'))
    const names = [
      `s,^a/up$,../../${outside.slice(1)}/up,`,
      `s,^absolute$,${outside}/absolute,`,
      's,^through$,link/through,',
    ]
    writeFileSync(join(stage, 'through'), 'x')
    const tar = ['-P', '-C', stage, ...names.map((name) => `--transform=${name}`)]
    const members = ['link', 'through', 'a/up', 'absolute', 'part']
    const archive = execFileSync('tar', ['--zstd', '-cf', '-', ...tar, ...members])
    service.replace('k-1', archive)
    expect(await entries.fetch('k-1', 'part')).toBe('k-1')
    expect(readFileSync(join(stagingDir, 'part'), 'utf8')).toBe('part')
    expect(readdirSync(outside)).toStrictEqual([])
  })

  test('an archive with a link instead of the file, or without it, is none', async () => {
    await start()
    await leave('k-1')
    const { entries, stagingDir } = client()
    const stage = makeFolder('stage')
    symlinkSync('/etc/hostname', join(stage, 'part'))
    writeFileSync(join(stage, 'other'), 'x')
    for (const member of ['part', 'other']) {
      service.replace('k-1', execFileSync('tar', ['--zstd', '-cf', '-', '-C', stage, member]))
      writeFileSync(join(stagingDir, 'part'), 'left by another')
      expect(await entries.fetch('k-1', 'part')).toBeUndefined()
    }
    expect(entries.failures()).toStrictEqual([expect.stringContaining('the archive of k-1 has no file part')])
  })

  test('a process that only talks to the service ends when it has nothing else to do, and prints nothing', async () => {
    await start()
    await leave('k-1')
    const folder = makeFolder('script')
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, verbatimModuleSyntax: true }
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    for (const name of [
      'lib/concurrency',
      'lib/disk-space',
      'cache/backends/github',
      'cache/backends/health',
      'cache/backends/worker',
      'cache/errors',
      'errors',
    ]) {
      const source = readFileSync(join(repository, `src/${name}.ts`), 'utf8')
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, `${name}.js`), ts.transpileModule(source, { compilerOptions }).outputText)
    }
    writeFileSync(
      join(folder, 'main.mjs'),
      `import { openGithub } from './cache/backends/github.js'
       const entries = openGithub(JSON.parse(process.env.OPTIONS))
       process.exitCode = (await entries.fetch('k-1', 'part')) === 'k-1' ? 7 : 1`,
    )
    const options = JSON.stringify({ stagingDir: makeFolder('staging'), program, env: environment() })
    const child = spawn(process.execPath, [join(folder, 'main.mjs')], { env: { OPTIONS: options }, timeout: 120_000 })
    let printed = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        printed += chunk.toString()
      })
    const [exitCode] = (await once(child, 'close')) as [number]
    expect({ exitCode, printed }).toStrictEqual({ exitCode: 7, printed: '' })
  })
})

describe('memory', () => {
  test.each(casesOfSet(modes.slice(0, 4), ([name]) => name === 'v2'))(
    '%s: 256 MiB go up and come down in less than 150',
    async (_, options, job) => {
      await start(options)
      const { entries, stagingDir } = client(job)
      const large = randomBytes(256 * 1024 * 1024)
      writeFileSync(join(stagingDir, 'part'), large)
      expect(await entries.store('k-1', 'part')).toBe('stored')
      expect(await entries.fetch('k-1', 'part')).toBe('k-1')
      expect(readFileSync(join(stagingDir, 'part')).equals(large)).toBe(true)
      const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${workerProcess()}/status`, 'utf8'))?.[1]) / 1024
      expect(peak).toBeGreaterThan(40)
      expect(peak).toBeLessThan(150)
    },
  )
})
