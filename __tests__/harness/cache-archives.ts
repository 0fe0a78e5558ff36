import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { CacheService } from './cache-service.js'
import { run } from './command.js'
import { makeFolder } from './folders.js'
import { readTar } from './tar.js'

/** What @actions/cache has made of one file of ours: a compressed archive with it alone. */
export interface Archived {
  readonly name: string
  readonly content: Buffer
}

export async function unpackEntry(archive: Uint8Array): Promise<Archived> {
  const tar = await run('zstd', ['--decompress', '--stdout'], { input: archive })
  const [member, ...others] = [...readTar(tar)]
  if (member?.type !== 'file' || others.length > 0) throw new Error('The archive does not hold one file alone')
  return { name: member.path, content: member.content }
}

export async function packEntry({ name, content }: { name: string; content: string | Uint8Array }): Promise<Buffer> {
  const folder = makeFolder('archive')
  writeFileSync(join(folder, name), content)
  return await compress(folder, [name])
}

/** @param args for tar, behind those that create an archive of files of the folder */
export async function compress(folder: string, args: readonly string[]): Promise<Buffer> {
  const tar = await run('tar', ['--create', '--file', '-', '--absolute-names', '--directory', folder, ...args])
  return await run('zstd', ['--stdout'], { input: tar })
}

/** Puts another content in the place of the one that the file of an entry has. */
export async function rewrite(
  service: CacheService,
  key: string,
  change: (content: Buffer) => string | Uint8Array,
): Promise<void> {
  const { name, content } = await unpackEntry(service.blob(key))
  service.replace(key, await packEntry({ name, content: change(content) }))
}

/** The bytes with all bits of the one in the middle turned over. */
export function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const middle = Math.floor(copy.length / 2)
  copy.writeUInt8(copy.readUInt8(middle) ^ 0xff, middle)
  return copy
}

/** Keys of what was stored last: the index, and the parts that it names, the largest first. */
export async function newestKeys(service: CacheService): Promise<{ index: string; big: string; small: string }> {
  const index = service.entries().findLast(({ key }) => key.startsWith('rib1-i-'))?.key
  if (index === undefined) throw new Error('The cache service has no index')
  const { content } = await unpackEntry(service.blob(index))
  const { parts } = JSON.parse(content.toString()) as { parts: { sha256: string; bytes: number }[] }
  const [big, ...rest] = [...parts].sort((one, other) => other.bytes - one.bytes)
  const small = rest.at(-1)
  if (big === undefined || small === undefined)
    throw new Error(`The index names ${parts.length} parts, not two or more`)
  const keyOf = ({ sha256 }: { sha256: string }): string => {
    const key = service.entries().findLast((entry) => entry.key.startsWith(`rib1-p-${sha256}`))?.key
    if (key === undefined) throw new Error(`The cache service has no part ${sha256}`)
    return key
  }
  return { index, big: keyOf(big), small: keyOf(small) }
}
