import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { open, rename, rm, writeFile } from 'node:fs/promises'

/**
 * Reads a regular file of this size at most. Whoever may write to the folder could have put a link or a pipe there: what
 * a link shows is not for the cache, and a pipe would be waited for.
 * @returns undefined if there is nothing
 * @throws Error when it is anything but such a file
 */
export async function readPlain(path: string, maxBytes: number): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return undefined
      if (code === 'ELOOP' || code === 'ENXIO') throw new Error(`${path} is not a regular file`)
      throw error
    },
  )
  if (file === undefined) return undefined
  try {
    const found = await file.stat()
    if (!found.isFile()) throw new Error(`${path} is not a regular file`)
    if (found.size > maxBytes) throw new Error(`${path} is too large (${Math.ceil(found.size / 2 ** 20)} MiB)`)
    // Not to its end: somebody may still write to it.
    const { buffer, bytesRead } = await file.read(Buffer.alloc(found.size), 0, found.size, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** The same as text; undefined for whatever else lies there. */
export async function textOfPlain(path: string, maxBytes: number): Promise<string | undefined> {
  return (await readPlain(path, maxBytes).catch(() => undefined))?.toString('utf8')
}

/**
 * Reads a text that has its digest behind it.
 * @throws Error also when the digest is another
 */
export async function readSealed(path: string, maxBytes: number): Promise<string | undefined> {
  const content = await readPlain(path, maxBytes)
  if (content === undefined) return undefined
  const [, text = '', digest] = /^([^]*)\n([0-9a-f]{64})\n$/.exec(content.toString('utf8')) ?? []
  if (digest !== digestOf(text)) throw new Error("its content doesn't match its digest")
  return text
}

/** Writes a text with its digest behind it. */
export async function putSealed(path: string, text: string): Promise<void> {
  await putPlain(path, `${text}\n${digestOf(text)}\n`)
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Puts a file in the place of whatever lies there, whole or not at all. */
async function putPlain(path: string, text: string): Promise<void> {
  // Processes of two job containers may have the same number.
  const made = `${path}.${randomUUID()}`
  try {
    await writeFile(made, text, { mode: 0o600, flag: 'wx' })
    await rename(made, path)
  } catch (error) {
    await rm(made, { force: true }).catch(() => undefined)
    throw error
  }
}
