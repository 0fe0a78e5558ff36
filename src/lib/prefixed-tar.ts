import { createWriteStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { finished } from 'node:stream/promises'
import { once } from 'node:events'
import {
  BLOCK,
  EMPTY,
  EXTENSIONS,
  isTarHeader,
  numberIn,
  padded,
  pathIn,
  recordsOf,
  SUM,
  textIn,
} from './tar-headers.js'

/** An archive, and the folder that all of it is to be in. */
export interface Prefixed {
  readonly path: string
  readonly folder: string
}

/** What extensions say of the entry behind them. */
type Records = ReadonlyMap<string, string>

const [HARD_LINK, EXTENDED] = ['1', 'x']
const CHUNK = 2 ** 20

/**
 * Writes one tar archive of several, each in a folder of its own; owners, modes and times stay.
 * @throws Error for what isn't a tar archive
 */
export async function joinTars(archives: readonly Prefixed[], dest: string): Promise<void> {
  const out = createWriteStream(dest)
  const write = async (bytes: Buffer) => {
    if (!out.write(bytes)) await once(out, 'drain')
  }
  try {
    for (const { path, folder } of archives) await copyInto(path, folder, write)
    // Two empty blocks are the end.
    await write(Buffer.alloc(2 * BLOCK))
  } finally {
    out.end()
    await finished(out)
  }
}

async function copyInto(path: string, folder: string, write: (bytes: Buffer) => Promise<void>): Promise<void> {
  const file = await open(path)
  try {
    let said: Records = new Map()
    for (let at = 0; ;) {
      const header = await readAt(file, at, BLOCK)
      if (header.length < BLOCK || header.every((byte) => byte === 0)) return
      if (!isTarHeader(header)) throw new Error(`${path} is not a tar archive, or is broken`)
      at += BLOCK
      const flag = String.fromCharCode(header[156] ?? 0)
      const size = Number(said.get('size') ?? numberIn(header, 124, 12))
      if (EXTENSIONS.includes(flag)) {
        said = new Map([...said, ...extensionOf(flag, await readAt(file, at, size))])
        at += padded(size)
        continue
      }
      await write(extended(inFolder(said, header, flag, folder)))
      await write(header)
      const length = EMPTY.includes(flag) ? 0 : padded(size)
      for (let done = 0; done < length; done += CHUNK) {
        await write(await readAt(file, at + done, Math.min(CHUNK, length - done)))
      }
      at += length
      said = new Map()
    }
  } finally {
    await file.close()
  }
}

function extensionOf(flag: string, body: Buffer): [name: string, value: string][] {
  if (flag === 'L') return [['path', textIn(body, 0, body.length)]]
  if (flag === 'K') return [['linkpath', textIn(body, 0, body.length)]]
  return recordsOf(body)
}

/** The records of an entry, with its path in the folder, and that of the file which it is another name of. */
function inFolder(said: Records, header: Buffer, flag: string, folder: string): Records {
  const below = (path: string) => `${folder}/${path.replace(/^(\.?\/)+/, '').replace(/^\.$/, '')}`
  const path = below(said.get('path') ?? pathIn(header))
  const target = said.get('linkpath') ?? textIn(header, 157, 100)
  return new Map([...said, ['path', path], ...(flag === HARD_LINK ? [['linkpath', below(target)] as const] : [])])
}

/** A header of POSIX with records for the entry behind it, filled up to whole blocks. Pure. */
function extended(records: Records): Buffer {
  const body = Buffer.concat([...records].map(([name, value]) => recordOf(name, value)))
  const header = Buffer.alloc(BLOCK)
  header.write('pax', 0)
  header.write('0000644\0', 100)
  header.write(`${body.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('        ', SUM)
  header.write(EXTENDED, 156)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((all, byte) => all + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, SUM)
  return Buffer.concat([header, body, Buffer.alloc(padded(body.length) - body.length)])
}

/** Its length counts its own digits. */
function recordOf(name: string, value: string): Buffer {
  const rest = Buffer.from(` ${name}=${value}\n`)
  let length = rest.length + 1
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}
