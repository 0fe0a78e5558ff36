import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** SHA-256 of a file, hexadecimal, and its size; read as a stream. */
export async function digestFile(path: string): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash('sha256')
  const bytes = await addFile(hash, path)
  return { sha256: hash.digest('hex'), bytes }
}

/**
 * SHA-256 of what lies at `path`, a file or a folder with all below it: names, types, modes, contents and what links
 * point to; no times and no owners. Undefined where it isn't there or can't be read.
 */
export async function digestTree(path: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    await addTree(hash, path, path)
  } catch {
    return undefined
  }
  return hash.digest('hex')
}

async function addTree(hash: Hash, root: string, path: string): Promise<void> {
  const found = await lstat(path)
  hash.update(`${relative(root, path)}\0${found.mode}\0`)
  if (found.isSymbolicLink()) hash.update(await readlink(path, 'buffer')).update('\0')
  else if (found.isFile()) {
    hash.update(`${found.size}\0`)
    await addFile(hash, path)
  } else if (found.isDirectory()) {
    for (const name of (await readdir(path)).sort()) await addTree(hash, root, join(path, name))
  }
}

async function addFile(hash: Hash, path: string): Promise<number> {
  let bytes = 0
  await pipeline(createReadStream(path, { highWaterMark: 2 ** 18 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      bytes += chunk.length
      hash.update(chunk)
    }
  })
  return bytes
}
