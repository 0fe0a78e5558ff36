/** What a layer has at a path. */
export interface LayerEntry {
  /** As the archive has it. */
  readonly path: string
  readonly kind: 'file' | 'hard link' | 'link' | 'folder' | 'other'
  /** Of a file. */
  readonly bytes: number
  /** Where a link leads to; of a hard link, the path that it is another name of. */
  readonly target: string
}

/** Reads the headers of a tar archive, and passes over what they are about. */
export interface TarHeaders {
  /** Takes the next bytes of the archive. @throws Error if they make no sense */
  add(bytes: Buffer): void
  /** Passes over so many bytes of a content that nobody has here. @throws Error if none are due */
  pass(count: number): void
  /** All entries so far. */
  readonly entries: readonly LayerEntry[]
}

/** What archives are made of, bytes. */
export const BLOCK = 512
/** Where the sum over a header stands in it. */
export const [SUM, SUM_LENGTH] = [148, 8]
/** A path has some thousand bytes; extended attributes have 64 KiB at most, and there are few. */
const MAX_EXTENSION = 2 ** 20
const KINDS: Readonly<Record<string, LayerEntry['kind']>> = {
  ...{ '\0': 'file', '0': 'file', '7': 'file', '1': 'hard link', '2': 'link', '5': 'folder' },
}
/** Devices and pipes: like links and folders they have no content, whatever size their header has. */
export const EMPTY = '123456'

/** What says more of the entry behind it: extensions of POSIX and of GNU tar. */
export const EXTENSIONS = 'xgLK'

export function readTarHeaders(): TarHeaders {
  const entries: LayerEntry[] = []
  let held: Buffer = Buffer.alloc(0)
  let wanted = BLOCK
  let transient = 0
  /** Which extension is being read, with how many bytes of it; undefined if it is a header. */
  let extension: { readonly flag: string; readonly size: number } | undefined
  let said = new Map<string, string>()

  const takeExtension = ({ flag, size }: { readonly flag: string; readonly size: number }, body: Buffer) => {
    if (flag === 'x') said = new Map([...said, ...recordsOf(body.subarray(0, size))])
    if (flag === 'L') said.set('path', textIn(body, 0, size))
    if (flag === 'K') said.set('linkpath', textIn(body, 0, size))
  }
  const takeHeader = (block: Buffer) => {
    if (block.every((byte) => byte === 0)) return
    if (!isTarHeader(block)) throw new Error('a tar archive has an invalid header')
    const flag = String.fromCharCode(block[156] ?? 0)
    const size = Number(said.get('size') ?? numberIn(block, 124, 12))
    if (!Number.isSafeInteger(size) || size < 0) throw new Error('a tar archive has an invalid size')
    if (EXTENSIONS.includes(flag)) {
      if (size > MAX_EXTENSION) throw new Error('a tar archive has a header that is too long')
      extension = { flag, size }
      wanted = padded(size)
      return
    }
    const kind = KINDS[flag] ?? 'other'
    const target = kind === 'link' || kind === 'hard link' ? (said.get('linkpath') ?? textIn(block, 157, 100)) : ''
    entries.push({ path: said.get('path') ?? pathIn(block), kind, bytes: kind === 'file' ? size : 0, target })
    transient = EMPTY.includes(flag) ? 0 : padded(size)
    said = new Map()
  }
  const take = (block: Buffer) => {
    const now = extension
    extension = undefined
    wanted = BLOCK
    if (now === undefined) takeHeader(block)
    else takeExtension(now, block)
  }

  return {
    entries,
    add(bytes) {
      let at = 0
      while (at < bytes.length) {
        const passed = Math.min(transient, bytes.length - at)
        transient -= passed
        at += passed
        const piece = bytes.subarray(at, at + wanted - held.length)
        at += piece.length
        held = held.length === 0 ? piece : Buffer.concat([held, piece])
        if (held.length < wanted) continue
        const block = held
        held = Buffer.alloc(0)
        take(block)
      }
    },
    pass(count) {
      if (count > transient) throw new Error('a tar archive has content without a header')
      transient -= count
    },
  }
}

/** Whether a block is the header of an entry, by the sum over its bytes. */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < BLOCK) return false
  // The sum itself counts as blanks.
  let sum = SUM_LENGTH * 0x20
  for (let at = 0; at < SUM; at += 1) sum += block[at] ?? 0
  for (let at = SUM + SUM_LENGTH; at < BLOCK; at += 1) sum += block[at] ?? 0
  return sum === numberIn(block, SUM, SUM_LENGTH)
}

/** So many bytes with what fills the last block. Pure. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK
}

/** The path in a header. Pure. */
export function pathIn(block: Buffer): string {
  const name = textIn(block, 0, 100)
  // GNU tar's own headers have other things there.
  const prefix = block.toString('latin1', 257, 263) === 'ustar\0' ? textIn(block, 345, 155) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Text up to the first zero. */
export function textIn(block: Buffer, start: number, length: number): string {
  const field = block.subarray(start, start + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}

/** Octal digits; or, where the first bit is set, the number itself. */
export function numberIn(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0
  if ((first & 0x80) === 0) return Number.parseInt(`0${textIn(block, start, length).trim()}`, 8)
  return block.subarray(start + 1, start + length).reduce((sum, byte) => sum * 256 + byte, first & 0x7f)
}

/** `30 path=some/where` and a line break, one behind the other; the number is that of all bytes of the record. */
export function recordsOf(body: Buffer): [name: string, value: string][] {
  const records: [name: string, value: string][] = []
  for (let at = 0; at < body.length;) {
    const blank = body.indexOf(0x20, at)
    const length = Number(body.toString('latin1', at, blank))
    const equals = body.indexOf(0x3d, blank)
    if (blank < 0 || !(length > blank - at) || equals < 0) throw new Error('a tar archive has an invalid record')
    records.push([body.toString('utf8', blank + 1, equals), body.toString('utf8', equals + 1, at + length - 1)])
    at += length
  }
  return records
}
