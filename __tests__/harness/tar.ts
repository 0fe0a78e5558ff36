/** One member of a tar archive. */
export interface TarMember {
  readonly path: string
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other'
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Target of a link. */
  readonly linkname: string
  readonly content: Buffer
  /** Extended attributes, bytes as in Latin-1; without those that overlay keeps in layers. */
  readonly attributes: Readonly<Record<string, string>>
}

const types: Readonly<Record<string, TarMember['type']>> = {
  '0': 'file',
  '\0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
}

/** Reads an uncompressed tar archive (ustar, GNU long names, pax headers) member by member, in its order. */
export function* readTar(archive: Buffer): Generator<TarMember> {
  // What a header of its own says about the member behind it.
  let extra: Record<string, string> = {}
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const header = archive.subarray(at, at + 512)
    const kind = String.fromCharCode(header[156] ?? 0)
    const size = Number(extra['size'] ?? number(header, 124, 12))
    const content = archive.subarray(at + 512, at + 512 + size)
    at += 512 + Math.ceil(size / 512) * 512
    if (kind === 'x') extra = { ...extra, ...paxRecords(content) }
    else if (kind === 'L') extra = { ...extra, path: text(content, 0, size) }
    else if (kind === 'K') extra = { ...extra, linkpath: text(content, 0, size) }
    else if (kind !== 'g') {
      yield {
        path: cleaned(extra['path'] ?? ustarPath(header)),
        type: types[kind] ?? 'other',
        // GNU tar and Go put the file type above the permission bits.
        mode: number(header, 100, 8) & 0o7777,
        uid: Number(extra['uid'] ?? number(header, 108, 8)),
        gid: Number(extra['gid'] ?? number(header, 116, 8)),
        linkname: extra['linkpath'] ?? text(header, 157, 100),
        content,
        attributes: attributesIn(extra),
      }
      extra = {}
    }
  }
}

const ATTRIBUTE = 'SCHILY.xattr.'

function attributesIn(extra: Readonly<Record<string, string>>): Record<string, string> {
  const found = Object.entries(extra).filter(([name]) => name.startsWith(ATTRIBUTE) && !name.includes('.overlay.'))
  return Object.fromEntries(found.map(([name, value]) => [name.slice(ATTRIBUTE.length), value]))
}

function ustarPath(header: Buffer): string {
  const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : ''
  const name = text(header, 0, 100)
  return prefix === '' ? name : `${prefix}/${name}`
}

/** `./etc/` and `/etc` are both `etc`. */
function cleaned(path: string): string {
  return path.replace(/^(\.?\/)+/, '').replace(/\/+$/, '')
}

function text(bytes: Buffer, from: number, length: number): string {
  const field = bytes.subarray(from, from + length)
  const end = field.indexOf(0)
  return field.subarray(0, end === -1 ? field.length : end).toString()
}

function number(header: Buffer, from: number, length: number): number {
  // GNU tar writes what octal digits can't hold in base 256, marked by the first bit.
  if (((header[from] ?? 0) & 0x80) !== 0) return Number(header.readBigUInt64BE(from + length - 8))
  return Number.parseInt(text(header, from, length).trim() || '0', 8)
}

/** `27 path=a/long/name\n` … : each record starts with its own length. */
function paxRecords(content: Buffer): Record<string, string> {
  const records: Record<string, string> = {}
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at)
    const length = Number(content.subarray(at, space).toString())
    if (!(length > 0)) break
    const record = content.subarray(space + 1, at + length - 1)
    const equals = record.indexOf('=')
    const name = record.subarray(0, equals).toString()
    records[name] = record.subarray(equals + 1).toString(name.startsWith(ATTRIBUTE) ? 'latin1' : 'utf8')
    at += length
  }
  return records
}
