import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'

import {
  type CacheService,
  type CacheServiceOptions,
  type Fault,
  type Job,
  startCacheService,
} from '../harness/cache-service.js'
import { CacheStore } from '../harness/cache-service-store.js'
import { run } from '../harness/command.js'
import { makeFolder, removeFolders } from '../harness/folders.js'
import { repository } from '../harness/runner-files.js'
import { describeExhaustively, exhaustively } from '../harness/test-set.js'

interface Asked {
  readonly save?: boolean
  readonly key?: string
  readonly restoreKeys?: readonly string[]
  readonly job?: Job
  /** What the file is that is saved; a restore finds none. */
  readonly content?: Uint8Array
  readonly env?: Readonly<Record<string, string>>
}

interface Answered {
  readonly value?: number | string
  readonly error?: string
  /** What @actions/cache wrote, its debugging and masking left out. */
  readonly log: string
  /** What a restore put where the file was. */
  readonly content: Buffer | undefined
}

// Random bytes, which no compression makes smaller: an offset in the archive is one in them.
const content = randomBytes(300_000)

/** Lets the real @actions/cache save or restore one file, in a process and a workspace of its own. */
async function ask(environment: Record<string, string>, asked: Asked): Promise<Answered> {
  const folder = makeFolder('cache-client')
  const file = join(folder, 'part')
  if (asked.save) writeFileSync(file, asked.content ?? content)
  const { save, key = 'k-1', restoreKeys } = asked
  const answer = join(folder, 'answer')
  const request = JSON.stringify({ save, paths: ['part'], key, restoreKeys, answer })
  const own = { GITHUB_SERVER_URL: 'https://github.com', GITHUB_WORKSPACE: folder, RUNNER_TEMP: join(folder, 'temp') }
  const client = join(repository, '__tests__/harness/cache-service-client.mjs')
  const env = { ...own, ...environment, ...asked.env }
  const stdout = (await run(process.execPath, [client, request], { cwd: folder, env })).toString()
  const log = stdout.replaceAll(/^(::debug|::add-mask|\[command\]).*\n/gm, '')
  const result = JSON.parse(readFileSync(answer, 'utf8')) as Pick<Answered, 'value' | 'error'>
  return { ...result, log, content: existsSync(file) ? readFileSync(file) : undefined }
}

// A client takes a third of a second on an idle machine, and some tests start eight.
jest.setTimeout(300_000)

let service: CacheService
const started: CacheService[] = []

async function start(options?: CacheServiceOptions): Promise<CacheService> {
  const one = await startCacheService(options)
  started.push(one)
  return one
}

beforeEach(async () => {
  service = await start()
})

// An error inside the service fails the test here.
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop()
})

afterAll(removeFolders)

const save = (asked: Asked = {}): Promise<Answered> => ask(service.environment(asked.job), { ...asked, save: true })
const restore = (asked: Asked = {}): Promise<Answered> => ask(service.environment(asked.job), asked)

// In the ordinary set cache-client.test.ts has the library ask the same, in a bundle that starts faster.
describeExhaustively('the library', () => {
  describe.each(['v2', 'v1'] as const)('by %s', testLibrary)
})

function testLibrary(protocol: 'v1' | 'v2'): void {
  const job = { protocol }

  test('what was saved is restored', async () => {
    expect((await save({ job })).value).toBe(1)
    const [entry] = service.entries()
    expect(service.entries()).toHaveLength(1)
    expect(entry).toMatchObject({ key: 'k-1', scope: 'refs/heads/main', size: service.blob('k-1').length })
    expect(entry?.version).toMatch(/^[0-9a-f]{64}$/)
    expect(await restore({ job })).toMatchObject({ value: 'k-1', content })
  })

  test('an unknown key is a miss and moves nothing', async () => {
    expect(await restore({ job })).toMatchObject({ log: '', content: undefined })
    expect(service.counters()).toMatchObject({ service: 1, blob: 0, bytesUp: 0, bytesDown: 0 })
  })

  test('a prefix finds the newest, a whole key finds itself, keys are tried in turn', async () => {
    for (const key of ['k-1', 'k-2', 'other']) await save({ job, key })
    expect((await restore({ job, key: 'k-' })).value).toBe('k-2')
    expect((await restore({ job, key: 'k-1' })).value).toBe('k-1')
    expect((await restore({ job, key: 'none', restoreKeys: ['no-', 'k-', 'other'] })).value).toBe('k-2')
  })

  test('a key is saved once', async () => {
    await save({ job })
    const second = await save({ job, content: randomBytes(10) })
    expect(second.value).toBe(-1)
    expect(second.log).toContain('another job may be creating this cache')
    expect((await restore({ job })).content).toStrictEqual(content)
    expect(service.requests.at(-3)).toMatchObject({ status: 409, keys: ['k-1'] })
  })

  test('a branch reads its own, then the default branch, and writes its own alone', async () => {
    const feature = { protocol, ref: 'refs/heads/feature' }
    await save({ job })
    expect((await restore({ job: feature, key: 'k-' })).content).toStrictEqual(content)
    expect((await save({ job: feature, content: Buffer.from('feature') })).value).toBe(2)
    await save({ job: feature, key: 'k-2', content: Buffer.from('feature') })
    expect(await restore({ job: feature })).toMatchObject({ value: 'k-1', content: Buffer.from('feature') })
    expect(await restore({ job, key: 'k-' })).toMatchObject({ value: 'k-1', content })
    expect(await restore({ job: { protocol, ref: 'refs/heads/third' }, key: 'k-2' })).not.toHaveProperty('value')
  })

  test('a token may allow reading alone, or nothing', async () => {
    await save({ job })
    const denied = 'More details: cache write denied: token has no writable scopes'
    const second = await save({ job: { protocol, access: 'read' }, key: 'k-2' })
    expect(second.value).toBe(-1)
    expect(second.log).toContain(`::warning::Failed to save: Unable to reserve cache with key k-2. ${denied}`)
    expect((await restore({ job: { protocol, access: 'read' } })).value).toBe('k-1')
    const none = await restore({ job: { protocol, access: 'none' } })
    expect(none).not.toHaveProperty('value')
    expect(none.log).toContain('cache read denied: token has no readable scopes')
    expect(service.entries()).toHaveLength(1)
  })

  test('a token that was not issued here opens nothing', async () => {
    const env = { ACTIONS_RUNTIME_TOKEN: 'a.b.c' }
    expect((await save({ job, env })).value).toBe(-1)
    expect((await restore({ job, env })).log).toContain('401')
    expect(service.entries()).toStrictEqual([])
  })

  test('what lies there can be looked at, changed and taken away', async () => {
    await save({ job })
    const archive = service.blob('k-1')
    expect(archive.includes(content.subarray(1000, 2000))).toBe(true)
    service.replace('k-1', Buffer.from('no archive'))
    expect((await restore({ job })).log).toContain('::warning::Failed to restore: "/usr/bin/tar" failed')
    service.replace('k-1', archive)
    expect((await restore({ job })).content).toStrictEqual(content)
    service.remove('k-1')
    expect(await restore({ job })).not.toHaveProperty('value')
    expect(() => service.blob('k-1')).toThrow('has no "k-1", only []')
  })

  test('calls and bytes are counted', async () => {
    await save({ job })
    const size = service.blob('k-1').length
    const calls =
      protocol === 'v2'
        ? { CreateCacheEntry: 1, PutBlob: 1, FinalizeCacheEntryUpload: 1 }
        : { reserveCache: 1, uploadChunk: 1, commitCache: 1 }
    expect(service.counters()).toStrictEqual({ service: 2, blob: 1, bytesUp: size, bytesDown: 0, calls })
    service.forget()
    await restore({ job })
    const find = protocol === 'v2' ? 'GetCacheEntryDownloadURL' : 'getCacheEntry'
    const counters = { service: 1, blob: 1, bytesUp: 0, bytesDown: size, calls: { [find]: 1, GetBlob: 1 } }
    expect(service.counters()).toStrictEqual(counters)
  })

  test('a host of Azure is read by ranges', async () => {
    service = await start({ azure: true })
    const large = randomBytes(9_000_000)
    await save({ job, content: large })
    expect((await restore({ job })).content).toStrictEqual(large)
    const ranges = service.requests.filter(({ call }) => call === 'GetBlob').map(({ range }) => range)
    expect(ranges).toContain('bytes=0-4194303')
    expect(ranges).toHaveLength(3)
    expect(service.counters()).toMatchObject({ bytesDown: service.blob('k-1').length, calls: { HeadBlob: 1 } })
  })
}

interface Row extends Fault {
  readonly protocol?: 'v1' | 'v2'
  readonly azure?: boolean
  readonly save?: boolean
  /** What the library gives; v1 gives the id of its reservation even where nothing was saved. */
  readonly value?: number | string
  readonly log: string
  /** How often the client sent the call that the fault is about. */
  readonly sent: number
  /** What a save leaves at the service, be it finished or only reserved. */
  readonly leaves?: readonly string[]
}

/** Meets a call with a fault, alone on a service of its own. */
async function meet(row: Row): Promise<void> {
  const { protocol = 'v2', azure = false, save: saves = false, value, log, sent, leaves = [], ...fault } = row
  const own = await start({ azure })
  const environment = own.environment({ protocol })
  if (!saves) await ask(environment, { save: true })
  own.forget()
  const script = own.script(fault)
  const answered = await ask(environment, { save: saves })
  expect(answered.value).toBe(value)
  expect(answered.log).toContain(log)
  expect(own.requests.filter(({ call }) => call === fault.call)).toHaveLength(sent)
  expect(script.hits).toBe(Math.min(sent, fault.times ?? sent))
  if (!saves) expect(answered.content?.equals(content) ?? false).toBe(value === 'k-1')
  else expect([...own.entries().map(({ key }) => key), ...own.unfinished()]).toStrictEqual(leaves)
}

const tarFailed = '::warning::Failed to restore: "/usr/bin/tar" failed with error'
const reserving = 'Failed to save: Unable to reserve cache with key k-1, another job may be creating this cache.'
const limited = { status: 429, headers: { 'retry-after': '18' } }
const find = 'GetCacheEntryDownloadURL'
const v1 = { protocol: 'v1' } as const
const half = ['k-1']

const atOnce: readonly Row[] = [
  { call: find, answer: limited, log: 'your rate limit will reset in 18 seconds', sent: 1 },
  { call: find, answer: { status: 403 }, log: 'non-retryable error: Failed request: (403) Forbidden', sent: 1 },
  { call: find, answer: { hang: 1000 }, log: 'Unable to make request: ECONNRESET', sent: 1 },
  { call: 'GetBlob', answer: 'cut', log: '::warning::Failed to restore: aborted', sent: 1 },
  { call: 'GetBlob', answer: 'truncate', log: tarFailed, sent: 1 },
  { call: 'GetBlob', answer: { flip: 200_000 }, log: tarFailed, sent: 1 },
  { call: 'GetBlob', answer: 'expired', log: tarFailed, sent: 1 },
  { call: 'GetBlob', answer: 'gone', log: tarFailed, sent: 1 },
  { call: 'GetBlob', answer: 'garbage', log: tarFailed, sent: 1 },
  { call: 'GetBlob', answer: { status: 500 }, log: 'downloadCache failed: Cache service responded with 500', sent: 1 },
  { call: 'HeadBlob', answer: 'gone', azure: true, log: '::warning::Failed to restore: \n', sent: 1 },
  { call: 'GetBlob', answer: { flip: 200_000 }, azure: true, log: tarFailed, sent: 1 },
  { call: 'GetBlob', answer: 'truncate', azure: true, log: 'Stream drains before getting enough data', sent: 1 },
  { call: 'GetBlob', answer: 'cut', azure: true, log: 'The operation was aborted', sent: 1 },
  { call: 'CreateCacheEntry', answer: { status: 409 }, save: true, value: -1, log: reserving, sent: 1 },
  { call: 'CreateCacheEntry', answer: limited, save: true, value: -1, log: 'will reset in 18 seconds', sent: 1 },
  { call: 'PutBlob', answer: 'expired', save: true, value: -1, log: 'Signature not valid', sent: 1, leaves: half },
  { call: 'PutBlob', answer: limited, save: true, value: -1, log: 'scripted 429', sent: 1, leaves: half },
  { call: 'PutBlob', answer: 'cut', times: 1, save: true, value: 1, log: 'Sent 3', sent: 2, leaves: half },
  {
    ...{ call: 'FinalizeCacheEntryUpload', answer: { status: 409 }, save: true, value: -1, sent: 1, leaves: half },
    log: 'Received non-retryable error: Failed request: (409) Conflict',
  },
  { ...v1, call: 'getCacheEntry', answer: limited, log: 'Cache service responded with 429', sent: 1 },
  { ...v1, call: 'getCacheEntry', answer: { status: 500 }, log: 'Cache service responded with 500', sent: 1 },
  { ...v1, call: 'getCacheEntry', answer: 'garbage', log: '::warning::Failed to restore: Cache not found.', sent: 1 },
  { ...v1, call: 'GetBlob', answer: 'cut', log: '::warning::Failed to restore: aborted', sent: 1 },
  { ...v1, call: 'GetBlob', answer: { flip: 200_000 }, log: tarFailed, sent: 1 },
  { ...v1, call: 'reserveCache', answer: { status: 409 }, save: true, value: -1, log: reserving, sent: 1 },
  { ...v1, call: 'reserveCache', answer: limited, save: true, value: -1, log: 'scripted 429', sent: 1 },
  { ...v1, call: 'uploadChunk', answer: { status: 500 }, save: true, value: 1, log: 'with 500', sent: 1, leaves: half },
  { ...v1, call: 'uploadChunk', answer: limited, save: true, value: 1, log: 'with 429', sent: 1, leaves: half },
  { ...v1, call: 'commitCache', answer: { status: 409 }, save: true, value: 1, log: 'with 409', sent: 1, leaves: half },
]

// Each of these has the client wait or try again, for 3 to 35 s.
const slow: readonly Row[] = [
  { call: find, answer: { status: 500 }, times: 1, value: 'k-1', log: 'Attempt 1 of 5 failed with error', sent: 2 },
  { call: find, answer: { status: 503 }, log: 'Failed to make request after 5 attempts', sent: 5 },
  { call: find, answer: 'garbage', log: 'is not valid JSON', sent: 5 },
  { call: 'GetBlob', answer: { status: 503 }, log: 'downloadCache failed: Cache service responded with 503', sent: 2 },
  { call: 'GetBlob', answer: { stall: 60_000 }, log: '::warning::Failed to restore: Premature close', sent: 1 },
  { call: 'GetBlob', answer: { status: 503 }, azure: true, log: 'Failed to restore: scripted 503', sent: 4 },
  { call: 'CreateCacheEntry', answer: { status: 500 }, save: true, value: -1, log: reserving, sent: 5 },
  { call: 'PutBlob', answer: { status: 503 }, save: true, value: -1, log: 'scripted 503', sent: 4, leaves: half },
  { call: 'PutBlob', answer: { stall: 1000 }, save: true, value: -1, log: 'ECONNRESET', sent: 4, leaves: half },
  { ...v1, call: 'getCacheEntry', answer: { status: 503 }, log: 'Cache service responded with 503', sent: 2 },
  {
    ...v1,
    call: 'uploadChunk',
    answer: 'cut',
    save: true,
    value: 1,
    log: 'Failed to save: uploadChunk',
    sent: 2,
    leaves: half,
  },
]

describeExhaustively('faults', () => {
  test.each(atOnce.map((row) => [nameOf(row), row] as const))('%s', async (_, row) => {
    await meet(row)
  })

  test('those that are waited out or tried again', async () => {
    const failed: string[] = []
    await Promise.all(
      slow.map((row) => meet(row).catch((error: unknown) => failed.push(`${nameOf(row)}: ${String(error)}`))),
    )
    expect(failed).toStrictEqual([])
  })

  // http-client waits for the end of a body that never comes, and with nothing left to wait for Node ends: code 13.
  test.each([
    [{ protocol: 'v2' }, find, false],
    [{ protocol: 'v2' }, 'CreateCacheEntry', true],
    [{ protocol: 'v1' }, 'getCacheEntry', false],
  ] as const)('%j: an answer of %s that is cut is never noticed', async (job, call, saves) => {
    await save({ job })
    service.forget()
    service.script({ call, answer: 'cut', times: 1 })
    const asked = { save: saves, key: saves ? 'k-2' : 'k-1' }
    await expect(ask(service.environment(job), asked)).rejects.toThrow('exit code 13')
    expect(service.requests).toMatchObject([{ call, status: 200, fault: 'cut' }])
    expect(service.unfinished()).toStrictEqual(saves ? ['k-2'] : [])
  })

  test('a hang lasts as long as it was told to', async () => {
    service.script({ call: find, answer: { hang: 1000 } })
    await restore()
    expect(service.requests).toMatchObject([{ status: 'dropped', fault: { hang: 1000 } }])
    expect(service.requests[0]?.milliseconds).toBeGreaterThan(990)
  })
})

describeExhaustively('faults', () => {
  test('meet what fits method, path and key, so many times, until they are ended', async () => {
    const fault = service.script({
      method: 'PUT',
      path: /^\/archives\//,
      key: /^k-[12]$/,
      times: 2,
      answer: { status: 403 },
    })
    const values: Answered['value'][] = []
    for (const key of ['k-0', 'k-1', 'k-2', 'k-3']) values.push((await save({ key })).value)
    service.script({ call: 'GetBlob', times: 1, answer: 'gone' })
    for (let turn = 0; turn < 2; turn += 1) values.push((await restore({ key: 'k-0' })).value)
    expect(values).toStrictEqual([1, -1, -1, 4, undefined, 'k-0'])
    expect(fault.hits).toBe(2)
    const always = service.script({ call: find, answer: { status: 404 } })
    expect(await restore({ key: 'k-0' })).not.toHaveProperty('value')
    always.end()
    expect((await restore({ key: 'k-0' })).value).toBe('k-0')
  })
})

function nameOf({ protocol = 'v2', azure = false, call, answer, times }: Row): string {
  const often = times === undefined ? 'always' : `${times}×`
  return `${protocol}${azure ? ' at Azure' : ''} ${String(call)}: ${JSON.stringify(answer)}, ${often}`
}

describe('like act', () => {
  exhaustively(test)('no token, keys in lower case, and a second entry beside the first', async () => {
    service = await start({ act: true })
    expect(Object.keys(service.environment())).toStrictEqual(['ACTIONS_CACHE_URL'])
    expect((await save({ key: 'Key-A' })).value).toBe(1)
    expect(await restore({ key: 'KEY-' })).toMatchObject({ value: 'key-a', content })
    expect((await save({ key: 'Key-A' })).value).toBeGreaterThan(1)
    expect(service.entries().map(({ key }) => key)).toStrictEqual(['key-a', 'key-a'])
  })

  test('of one second, the older is found; elsewhere the newer, even of one millisecond', () => {
    const found = (wholeSeconds: boolean, ...times: readonly number[]): number | undefined => {
      const store = new CacheStore(makeFolder('store'), { wholeSeconds })
      for (const createdAt of times) Object.assign(store.reserve('main', 'k', 'v'), { blob: [], createdAt })
      return store.find(['main'], ['k'], 'v')?.id
    }
    expect([found(true, 1000, 1999), found(true, 1999, 2000)]).toStrictEqual([1, 2])
    expect([found(false, 1000, 1999), found(false, 1000, 1000)]).toStrictEqual([2, 2])
  })
})

describeExhaustively('the line', () => {
  test('latency and bandwidth take their time', async () => {
    service = await start({ latency: 100, bandwidth: 500_000 })
    await save()
    await restore()
    const took = new Map(service.requests.map(({ call, milliseconds }) => [call, milliseconds]))
    // 300 kB take 600 ms, up to the 20 that the line makes good for late timers.
    for (const call of ['PutBlob', 'GetBlob'] as const) expect(took.get(call)).toBeGreaterThan(670)
    for (const call of [find, 'CreateCacheEntry', 'FinalizeCacheEntryUpload'] as const)
      expect(took.get(call)).toBeGreaterThan(95)
  })

  test('a lookup may come too early to see what was saved', async () => {
    service = await start({ lookupDelay: 60_000 })
    await save()
    expect(service.entries()).toHaveLength(1)
    expect(await restore()).not.toHaveProperty('value')
    expect((await save()).log).toContain(reserving)
    const store = new CacheStore(makeFolder('store'), { lookupDelay: 1000 })
    Object.assign(store.reserve('main', 'k', 'v'), { blob: [], createdAt: Date.now() - 1000 })
    expect(store.find(['main'], ['k'], 'v')).toBeDefined()
  })
})

describe('what the library never asks', () => {
  const post = (procedure: string, body: unknown): Promise<Response> => {
    const url = `${service.url}twirp/github.actions.results.api.v1.CacheService/${procedure}`
    const authorization = `Bearer ${service.environment()['ACTIONS_RUNTIME_TOKEN'] ?? ''}`
    return fetch(url, { method: 'POST', headers: { authorization }, body: JSON.stringify(body) })
  }

  test('a URL is good for what it was signed for, and for nothing else', async () => {
    const created = (await (await post('CreateCacheEntry', { key: 'k', version: 'v' })).json()) as {
      signed_upload_url: string
    }
    const url = new URL(created.signed_upload_url)
    expect((await fetch(url)).status).toBe(403)
    const forged = new URL(url)
    forged.pathname += '1'
    expect((await fetch(forged, { method: 'PUT', body: 'x' })).status).toBe(403)
    expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(201)
    url.searchParams.set('se', new Date(0).toISOString())
    expect((await fetch(url, { method: 'PUT', body: 'x' })).status).toBe(403)
  })

  test('an upload ends only with the size that came', async () => {
    const entry = { key: 'k', version: 'v', size_bytes: '5' }
    const created = (await (await post('CreateCacheEntry', entry)).json()) as { signed_upload_url: string }
    expect((await post('FinalizeCacheEntryUpload', entry)).status).toBe(404)
    await fetch(created.signed_upload_url, { method: 'PUT', body: '1234' })
    expect(await (await post('FinalizeCacheEntryUpload', entry)).json()).toMatchObject({ ok: false })
    await fetch(created.signed_upload_url, { method: 'PUT', body: '12345' })
    expect(await (await post('FinalizeCacheEntryUpload', entry)).json()).toStrictEqual({ ok: true, entry_id: '1' })
    expect((await fetch(created.signed_upload_url, { method: 'PUT', body: '12345' })).status).toBe(409)
    expect(service.blob('k').toString()).toBe('12345')
  })

  /** Lets a client go as soon as some of what it sends or gets has gone over the line. */
  async function interrupted(begin: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    const client = new AbortController()
    const earlier = service.requests.length
    const ended = expect(begin(client.signal)).rejects.toThrow('aborted')
    while (service.requests.slice(earlier).every(({ bytesUp, bytesDown }) => bytesUp + bytesDown === 0)) await sleep(5)
    client.abort()
    await ended
  }

  test('of a client that dies half way, nothing stays and nothing is broken', async () => {
    service = await start({ bandwidth: 500_000 })
    const entry = { key: 'k', version: 'v', size_bytes: String(content.length) }
    const created = (await (await post('CreateCacheEntry', entry)).json()) as { signed_upload_url: string }
    const url = created.signed_upload_url
    const put = { method: 'PUT', body: content }
    await interrupted((signal) => fetch(url, { ...put, signal }))
    expect((await post('FinalizeCacheEntryUpload', entry)).status).toBe(404)
    expect((await fetch(url, put)).status).toBe(201)
    await post('FinalizeCacheEntryUpload', entry)
    const found = (await (await post(find, entry)).json()) as { signed_download_url: string }
    const download = async (signal?: AbortSignal): Promise<Buffer> =>
      Buffer.from(await (await fetch(found.signed_download_url, signal && { signal })).arrayBuffer())
    await interrupted(download)
    expect(await download()).toStrictEqual(content)
    const dropped = service.requests.filter(({ status }) => status === 'dropped')
    expect(dropped.map(({ call }) => call)).toStrictEqual(['PutBlob', 'GetBlob'])
  })

  test('keys follow the rules, bodies are JSON, and other paths lead nowhere', async () => {
    const wrong = ['', 'a,b', 'x'.repeat(513)].map((key) => post('CreateCacheEntry', { key, version: 'v' }))
    expect((await Promise.all(wrong)).map(({ status }) => status)).toStrictEqual([400, 400, 400])
    const many = { key: 'k', restore_keys: Array.from({ length: 10 }, (_, n) => `k${n}`), version: 'v' }
    expect((await post(find, many)).status).toBe(400)
    expect((await post('CreateCacheEntry', undefined)).status).toBe(400)
    expect((await post('DeleteCacheEntry', {})).status).toBe(404)
  })
})

describeExhaustively('on its own', () => {
  test('it serves hundreds of MiB and holds none of them', async () => {
    const program = join(repository, '__tests__/harness/cache-service-standalone.mjs')
    const child = spawn(process.execPath, [program, '{}'], { stdio: ['pipe', 'pipe', 'inherit'] })
    try {
      const environment: Record<string, string> = {}
      for await (const line of createInterface(child.stdout)) {
        const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? []
        environment[name] = value
        if (name === 'ACTIONS_CACHE_SERVICE_V2') break
      }
      const before = peakMemory(child.pid)
      const large = randomBytes(200 * 1024 * 1024)
      expect((await ask(environment, { save: true, content: large })).value).toBe(1)
      const { value, content: restored } = await ask(environment, {})
      expect(value).toBe('k-1')
      expect(restored?.equals(large)).toBe(true)
      expect(peakMemory(child.pid) - before).toBeLessThan(100)
    } finally {
      child.stdin.end()
    }
    if (child.exitCode === null) await once(child, 'exit')
    expect(child.exitCode).toBe(0)
  })
})

/** The most memory that a process ever had, in MiB. */
function peakMemory(pid = 0): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
