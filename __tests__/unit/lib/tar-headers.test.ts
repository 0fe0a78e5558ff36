import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { entriesOfSplit } from '../../../src/cache/containers-storage/layer-entries.js'
import { isTarHeader, type LayerEntry, readTarHeaders } from '../../../src/lib/tar-headers.js'
import { temporaryFolder } from '../helpers.js'

const LONG = `${'long-'.repeat(30)}name`

/** An archive of one of each, as this format of GNU tar has it. */
function archiveOf(format: string): Buffer {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'd', LONG), { recursive: true })
  writeFileSync(join(folder, 'd/a'), 'one')
  writeFileSync(join(folder, 'd/empty'), '')
  writeFileSync(join(folder, 'd/full'), Buffer.alloc(512, 1))
  writeFileSync(join(folder, 'd/🙂\n'), 'odd')
  linkSync(join(folder, 'd/a'), join(folder, 'd/b'))
  symlinkSync('a', join(folder, 'd/l'))
  symlinkSync(LONG.repeat(2), join(folder, 'd/long-link'))
  writeFileSync(join(folder, 'd', LONG, LONG), 'deep')
  execFileSync('mkfifo', [join(folder, 'd/pipe')])
  return execFileSync('tar', ['--create', '--sort=name', `--format=${format}`, '--directory', folder, 'd'])
}

const entry = (path: string, kind: LayerEntry['kind'], bytes = 0, target = ''): LayerEntry => {
  return { path, kind, bytes, target }
}
const all = [
  entry('d/', 'folder'),
  entry('d/a', 'file', 3),
  entry('d/b', 'hard link', 0, 'd/a'),
  entry('d/empty', 'file'),
  entry('d/full', 'file', 512),
  entry('d/l', 'link', 0, 'a'),
  entry('d/long-link', 'link', 0, LONG.repeat(2)),
  entry(`d/${LONG}/`, 'folder'),
  entry(`d/${LONG}/${LONG}`, 'file', 4),
  entry('d/pipe', 'other'),
  entry('d/🙂\n', 'file', 3),
]

/** The same as containers/storage keeps it: all bytes but those of contents. */
function splitOf(archive: Buffer): Buffer {
  const lines: unknown[] = []
  const around = (start: number, end: number) => {
    lines.push({ type: 2, payload: archive.subarray(start, end).toString('base64'), position: lines.length })
  }
  let start = 0
  for (let at = 0; at < archive.length;) {
    const header = archive.subarray(at, at + 512)
    const flag = String.fromCharCode(header[156] ?? 0)
    const size = Number.parseInt(header.toString('latin1', 124, 135), 8)
    const isContent = flag === '0'
    at += 512
    if (isContent) {
      around(start, at)
      lines.push({ type: 1, ...(size > 0 && { size }), payload: '', position: lines.length })
      start = at + size
    }
    at += Math.ceil((Number.isNaN(size) || header[0] === 0 ? 0 : size) / 512) * 512
  }
  around(start, archive.length)
  return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

describe('the entries of an archive', () => {
  it.each(['gnu', 'pax'])('are read, in the format %s, whatever pieces it comes in', (format) => {
    const archive = archiveOf(format)
    for (const length of [archive.length, 512, 700, 7]) {
      const headers = readTarHeaders()
      for (let at = 0; at < archive.length; at += length) headers.add(archive.subarray(at, at + length))
      expect(headers.entries).toStrictEqual(all)
    }
  })

  it.each(['gnu', 'pax'])('are read without the contents, in the format %s', (format) => {
    expect(entriesOfSplit(splitOf(archiveOf(format)))).toStrictEqual(all)
  })

  it('have sizes that octal digits can’t hold', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'huge'), '')
    truncateSync(join(folder, 'huge'), 2 ** 33 + 1)
    // No byte of it is written: the header comes first, and is all that is read.
    const start = execFileSync('sh', ['-c', 'tar --create --format=gnu --directory "$0" huge | head -c 512', folder])
    const headers = readTarHeaders()
    headers.add(start)
    expect(headers.entries).toStrictEqual([entry('huge', 'file', 2 ** 33 + 1)])
  })

  it('are none of what is no archive', () => {
    expect(() => {
      readTarHeaders().add(Buffer.alloc(512, 'x'))
    }).toThrow('an invalid header')
    expect(() => entriesOfSplit(Buffer.from('{"type":1,"size":3}\n'))).toThrow('content without a header')
    expect(() => entriesOfSplit(Buffer.from('{"type":3}\n'))).toThrow('an unknown kind of entry')
    expect(isTarHeader(Buffer.alloc(100))).toBe(false)
  })
})
