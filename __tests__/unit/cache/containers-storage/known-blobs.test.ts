import { describe, expect, it } from '@jest/globals'
import { knownBlobs } from '../../../../src/cache/containers-storage/known-blobs.js'
import { namesHole } from '../../../../src/cache/containers-storage/markers.js'
import { hex } from '../fixtures.js'

const digest = (name: string) => `sha256:${hex(name)}`
const memory = (text: string) => [
  { name: 'blob-info-cache-v1.boltdb' as const, content: Buffer.from(text, 'latin1').toString('base64') },
]

describe('knownBlobs', () => {
  it('finds the digests side by side, whatever bytes lie around them', () => {
    const text = `\xff\x00${digest('gzip')}${digest('layer')}\x01docker${digest('zstd')}${digest('layer')}\x00`
    expect(knownBlobs(memory(text)).get(digest('layer'))).toStrictEqual([digest('gzip'), digest('zstd')])
  })

  it('takes what has something between for no pair', () => {
    expect(knownBlobs(memory(`${digest('gzip')} ${digest('layer')}`)).size).toBe(0)
  })
})

describe('namesHole', () => {
  const line = (changes: object) =>
    `${JSON.stringify({ type: 1, name: 'bin/sh', size: 4093, payload: 'zJBv/5A8/9I=', position: 1, ...changes })}\n`
  const around = '{"type":2,"payload":"AAAA","position":0}\n'

  it('tells the content of a skeleton by its size and its sum', () => {
    expect(namesHole(Buffer.from(around + line({}) + around))).toBe(true)
  })

  it.each([
    ['size', { size: 40930 }],
    ['content', { payload: 'AAAAAAAAAAA=' }],
  ])('takes a file of another %s for one of its own', (_, changes) => {
    expect(namesHole(Buffer.from(around + line(changes) + around))).toBe(false)
  })
})
