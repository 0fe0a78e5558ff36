/** A file of an archive, with what no program is needed to set. */
export interface AwkwardFile {
  /** ASCII, at most 100 bytes. */
  readonly path: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly content: string
  /** Extended attributes by their full names. */
  readonly attributes: Readonly<Record<string, Buffer>>
}

/** Version 2, effective, CAP_NET_RAW permitted: what `setcap cap_net_raw=ep` writes. */
export const netRawCapability = Buffer.from('0100000200200000000000000000000000000000', 'hex')

/** A tar archive whose files have extended attributes, as GNU tar and Go write them (`SCHILY.xattr.…`). */
export function awkwardTar(files: readonly AwkwardFile[]): Buffer {
  const members = files.flatMap((file) => {
    const records = Object.entries(file.attributes).map(([name, value]) => paxRecord(`SCHILY.xattr.${name}`, value))
    const extended = Buffer.concat(records)
    return [header({ ...file, path: 'extended' }, 'x', extended.length), padded(extended), ...plain(file)]
  })
  return Buffer.concat([...members, Buffer.alloc(1024)])
}

function plain(file: AwkwardFile): Buffer[] {
  const content = Buffer.from(file.content)
  return [header(file, '0', content.length), padded(content)]
}

function header({ path, mode, uid, gid }: Omit<AwkwardFile, 'content'>, type: string, size: number): Buffer {
  const block = Buffer.alloc(512)
  const octal = (value: number, length: number): string => value.toString(8).padStart(length - 1, '0')
  block.write(path, 0)
  block.write(octal(mode, 8), 100)
  block.write(octal(uid, 8), 108)
  block.write(octal(gid, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(1_700_000_000, 12), 136)
  block.write(' '.repeat(8), 148)
  block.write(type, 156)
  block.write('ustar\0' + '00', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 7)}\0 `, 148)
  return block
}

/** `27 name=value\n`, whose length counts its own digits. */
function paxRecord(name: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${name}=`), value, Buffer.from('\n')])
  const guess = rest.length + String(rest.length).length
  const length = rest.length + String(guess).length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc(Math.ceil(content.length / 512) * 512 - content.length)])
}
