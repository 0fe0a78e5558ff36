import { describe, expect, it } from '@jest/globals'

import {
  type BlobFile,
  type BlobIndex,
  divide,
  formatBlobIndex,
  parseBlobIndex,
  placed,
} from '../../../../src/cache/oci-layout/index.js'

const id = (digit: string) => digit.repeat(64)
const file = (path: string, bytes: number, changes: Partial<BlobFile> = {}): BlobFile => ({
  ...{ path, sha256: id('a'), bytes, part: id('b'), offset: 0 },
  ...changes,
})
const index: BlobIndex = {
  layout: 'oci-layout',
  files: [file('blobs/sha256/aa', 300), file('index.json', 10, { offset: 300 })],
  parts: [{ sha256: id('b'), bytes: 310 }],
  seconds: [[id('c'), 1.5]],
  used: 1000,
}

describe('the index of a folder of steps', () => {
  it('is read as it was written', () => {
    expect(parseBlobIndex(formatBlobIndex(index))).toStrictEqual(index)
  })

  it.each<[what: string, change: object]>([
    ['a way out', { files: [file('../../etc/passwd', 1)] }],
    ['a way out in the middle', { files: [file('blobs/../../x', 1)] }],
    ['an absolute path', { files: [file('/etc/passwd', 1)] }],
    ['an empty name', { files: [file('blobs//x', 1)] }],
    ['a name with a line break', { files: [file('blobs/x\ny', 1)] }],
    ['a digest that is none', { files: [file('x', 1, { sha256: 'abc' })] }],
    ['a part that is a path', { files: [file('x', 1, { part: '../x' })] }],
    ['a size below zero', { files: [file('x', -1)] }],
    ['an offset that is none', { files: [file('x', 1, { offset: 0.5 })] }],
    ['parts that are none', { parts: [{ sha256: 'x', bytes: 1 }] }],
    ['times that are none', { seconds: [['x', 1]] }],
    ['another layout', { layout: 'overlay-root' }],
    ['another format', { format: 2 }],
    ['no list', { files: {} }],
    ['no time', { used: null }],
  ])('is refused with %s', (_, change) => {
    expect(() => parseBlobIndex(JSON.stringify({ format: 1, ...index, ...change }))).toThrow()
  })

  it.each(['', '[]', 'null', '{}', '7'])('is refused where it is %j', (text) => {
    expect(() => parseBlobIndex(text)).toThrow()
  })
})

describe('the parts of a folder of steps', () => {
  it('are the large files, at most nine, and one for all the others', () => {
    const big = Array.from({ length: 11 }, (_, number) => file(`big${number}`, 2 ** 20 + number, { part: '' }))
    const { alone, together } = divide([...big, file('small', 10, { part: '' }), file('kept', 2 ** 30)])
    expect(alone.map(({ path }) => path)).toStrictEqual([
      'big10',
      'big9',
      'big8',
      'big7',
      'big6',
      'big5',
      'big4',
      'big3',
      'big2',
    ])
    expect(together.map(({ path }) => path)).toStrictEqual(['big0', 'big1', 'small'])
  })

  it('that an earlier run has sent are not sent again, unless they hold several', () => {
    const before = {
      ...index,
      files: [file('one', 2 ** 20, { sha256: id('1'), part: id('1') }), file('two', 5, { sha256: id('2') })],
    }
    const now = [file('renamed', 2 ** 20, { sha256: id('1'), part: '' }), file('two', 5, { sha256: id('2'), part: '' })]
    expect(placed(now, before).map(({ part }) => part)).toStrictEqual([id('1'), ''])
    expect(placed(now, undefined).map(({ part }) => part)).toStrictEqual(['', ''])
  })
})
