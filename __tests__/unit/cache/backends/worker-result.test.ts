import { describe, expect, it } from '@jest/globals'
import { judge, keepLine, type Observed } from '../../../../src/cache/backends/worker-result.js'

const seen = (given: Partial<Observed>): Observed => ({ lines: [], replies: [], ...given })
const reserving = 'Failed to save: Unable to reserve cache with key k, another job may be creating this cache.'

describe('keepLine()', () => {
  it.each([
    ['::warning::Failed to restore: 100%25 of it%0Ais lost', 'Failed to restore: 100% of it\nis lost'],
    ['::error title=x::Failed to save: x', 'Failed to save: x'],
    ['::debug::Failed to reserve cache: Error: x', 'Failed to reserve cache: Error: x'],
    ['Failed to save: x\r', 'Failed to save: x'],
    [`Cache save skipped: the effective cache-mode 'read' …`, `Cache save skipped: the effective cache-mode 'read' …`],
    ['tar: part-1: Wrote only 512 of 10240 bytes', 'tar: part-1: Wrote only 512 of 10240 bytes'],
  ])('keeps %j', (line, kept) => {
    expect(keepLine(line)).toBe(kept)
  })

  it.each([
    '[command]/usr/bin/tar -xf x',
    '::add-mask::s3cret',
    '::debug::Body: {"signed_download_url":"https://x/?sig=s3cret"}',
    '::debug::Failed to delete archive: Error: ENOENT',
    '::debug::Body: {"error":"no space left on device","url":"https://x/?sig=s3cret"}',
    'Cache Size: ~1 MB (1 B)',
    '',
  ])('drops %j', (line) => {
    expect(keepLine(line)).toBeUndefined()
  })
})

describe('judge()', () => {
  it.each<[string, 'fetch' | 'has' | 'store', Partial<Observed>, object]>([
    ['a hit', 'fetch', { value: 'k-1' }, { found: 'k-1' }],
    ['a miss', 'has', {}, {}],
    ['a store', 'store', { value: 0 }, { stored: 'stored' }],
    // What the service has answered with for a key that is there.
    [
      '409',
      'store',
      { value: -1, lines: [reserving], replies: [{ from: 'service', status: 409 }] },
      { stored: 'taken' },
    ],
    [
      'a refusal without a reason',
      'store',
      { value: -1, lines: ['Failed to reserve cache: Error: Response was not ok', reserving] },
      { stored: 'taken' },
    ],
    [
      'a refusal with this reason',
      'store',
      { value: -1, lines: ['Cache reservation failed: entry already exists', reserving] },
      { stored: 'taken' },
    ],
    [
      'a refusal with another',
      'store',
      { value: -1, lines: ['Failed to reserve cache: Error: quota is used up', reserving] },
      { stored: 'failed', failure: { cause: 'other', text: 'quota is used up' } },
    ],
    [
      'a 409 at the end of an upload',
      'store',
      { value: 7, lines: ['Failed to save: conflict'], replies: [{ from: 'service', status: 409 }] },
      { stored: 'failed', failure: { cause: 'service', text: 'conflict' } },
    ],
    [
      'a full disk, which is nobody else’s fault',
      'fetch',
      { lines: ['Failed to restore: ENOSPC: no space left on device, write'] },
      { failure: { cause: 'disk-full', text: 'ENOSPC: no space left on device, write' } },
    ],
    [
      'a full disk, of which tar alone knows',
      'fetch',
      { lines: ['tar: part-1: Wrote only 512 of 10240 bytes', "Failed to restore: The process '/usr/bin/tar' failed"] },
      { failure: { cause: 'disk-full', text: "The process '/usr/bin/tar' failed" } },
    ],
    [
      'a signed URL and what a terminal obeys',
      'fetch',
      { error: 'GET https://x/y?sig=s3cret&a=b failed\n\u001b[31m::error::x' },
      { failure: { cause: 'other', text: 'GET https://x/y?… failed [31m::error::x' } },
    ],
    [
      'the body of an answer, of which the words count',
      'store',
      {
        value: -1,
        lines: [
          'Failed to save: Failed to CreateCacheEntry: Received non-retryable error: {"code":"x","msg":"no room"}',
        ],
      },
      {
        stored: 'failed',
        failure: { cause: 'other', text: 'Failed to CreateCacheEntry: Received non-retryable error: no room' },
      },
    ],
    [
      'a body without a word, and a page',
      'fetch',
      { error: 'Failed request: (502) Bad Gateway: {"code":5}\n<!DOCTYPE html><html><body>…' },
      { failure: { cause: 'service', text: 'Failed request: (502) Bad Gateway' } },
    ],
    ['a long story', 'fetch', { error: 'x'.repeat(400) }, { failure: { cause: 'other', text: `${'x'.repeat(300)}…` } }],
    ['nothing at all', 'store', { value: -1 }, { stored: 'failed', failure: { cause: 'other', text: 'store failed' } }],
  ])('knows %s', (_, op, observed, outcome) => {
    expect(judge({ op }, seen(observed))).toStrictEqual(outcome)
  })
})
