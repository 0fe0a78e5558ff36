import { createReadStream, createWriteStream, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type { Content } from './cache-service-replies.js'

/** A run of bytes in a file of its own: what one request brought. */
interface Piece {
  readonly file: string
  readonly size: number
}

export interface Entry {
  readonly id: number
  readonly key: string
  readonly version: string
  readonly scope: string
  /** What has come so far, by block id or offset. */
  readonly pieces: Map<string, Piece>
  /** The archive: its pieces in order. Undefined until all of it has come. */
  blob: readonly Piece[] | undefined
  /** Milliseconds since 1970, from when on it can be found. Undefined until the client has said that it is complete. */
  createdAt: number | undefined
}

type Finished = Entry & { blob: readonly Piece[]; createdAt: number }

/** The entries, and their archives in files of a folder. It knows scopes, keys and versions, and nothing of HTTP. */
export class CacheStore {
  readonly #entries = new Map<number, Entry>()
  readonly #folder: string
  readonly #lookupDelay: number
  readonly #wholeSeconds: boolean
  #ids = 0
  #files = 0

  /** Entries are found only after `lookupDelay` ms; with `wholeSeconds` those of one second count as equally new. */
  constructor(folder: string, { lookupDelay = 0, wholeSeconds = false }) {
    this.#folder = folder
    this.#lookupDelay = lookupDelay
    this.#wholeSeconds = wholeSeconds
  }

  /** A new entry, not to be found yet. */
  reserve(scope: string, key: string, version: string): Entry {
    const id = (this.#ids += 1)
    const entry: Entry = { id, key, version, scope, pieces: new Map(), blob: undefined, createdAt: undefined }
    this.#entries.set(id, entry)
    return entry
  }

  /** The entry that stands in the way of another with the same key: also one that was reserved and never finished. */
  taken(scope: string, key: string, version: string): Entry | undefined {
    return [...this.#entries.values()].find(
      (entry) => entry.scope === scope && entry.key === key && entry.version === version,
    )
  }

  withId(id: number | undefined): Entry | undefined {
    return id === undefined ? undefined : this.#entries.get(id)
  }

  /** All that is complete, oldest first. */
  finished(): Finished[] {
    return [...this.#entries.values()].filter(isFinished).sort((a, b) => a.createdAt - b.createdAt || a.id - b.id)
  }

  /** All that was reserved and is not complete. */
  unfinished(): Entry[] {
    return [...this.#entries.values()].filter((entry) => !isFinished(entry))
  }

  /** Every scope in turn, in it every key in turn: that very key, else the newest that starts with it. */
  find(scopes: readonly string[], keys: readonly string[], version: string): Finished | undefined {
    const visible = this.finished()
      .filter((entry) => entry.version === version && entry.createdAt + this.#lookupDelay <= Date.now())
      .sort((a, b) => this.#age(b) - this.#age(a) || (this.#wholeSeconds ? a.id - b.id : b.id - a.id))
    for (const scope of scopes) {
      const here = visible.filter((entry) => entry.scope === scope)
      for (const key of keys) {
        const found = here.find((entry) => entry.key === key) ?? here.find((entry) => entry.key.startsWith(key))
        if (found) return found
      }
    }
    return undefined
  }

  // The server of act keeps whole seconds, and of two entries of one second it may well give the older.
  #age(entry: Finished): number {
    return this.#wholeSeconds ? Math.floor(entry.createdAt / 1000) : entry.createdAt
  }

  /** Takes in a piece of an archive; one that breaks off leaves nothing. The last of one name counts. */
  async addPiece(entry: Entry, name: string, bytes: AsyncIterable<Buffer>): Promise<number> {
    const file = this.#newFile()
    const output = createWriteStream(file)
    try {
      await pipeline(bytes, output)
    } catch (error) {
      rmSync(file, { force: true })
      throw error
    }
    const former = entry.pieces.get(name)
    if (former) rmSync(former.file)
    entry.pieces.set(name, { file, size: output.bytesWritten })
    return output.bytesWritten
  }

  finish(entry: Entry): void {
    entry.createdAt = Date.now()
  }

  replace(entry: Entry, bytes: Uint8Array): void {
    this.#removeFiles(entry)
    const piece = { file: this.#newFile(), size: bytes.length }
    writeFileSync(piece.file, bytes)
    entry.pieces.clear()
    entry.pieces.set('replaced', piece)
    entry.blob = [piece]
  }

  remove(entry: Entry): void {
    this.#removeFiles(entry)
    this.#entries.delete(entry.id)
  }

  #newFile(): string {
    return join(this.#folder, String((this.#files += 1)))
  }

  #removeFiles(entry: Entry): void {
    for (const { file } of entry.pieces.values()) rmSync(file)
  }
}

function isFinished(entry: Entry): entry is Finished {
  return entry.blob !== undefined && entry.createdAt !== undefined
}

export function sizeOf(pieces: Iterable<Piece>): number {
  return [...pieces].reduce((sum, { size }) => sum + size, 0)
}

export function bytesOf(pieces: readonly Piece[]): Buffer {
  return Buffer.concat(pieces.map(({ file }) => readFileSync(file)))
}

/** The bytes of an archive from one offset up to, not including, another; they are read only as fast as they are taken. */
export function contentOf(pieces: readonly Piece[], from: number, to: number): Content {
  return { size: to - from, offset: from, read: (length) => readPieces(pieces, from, from + length) }
}

async function* readPieces(pieces: readonly Piece[], from: number, to: number): AsyncGenerator<Buffer> {
  let offset = 0
  for (const { file, size } of pieces) {
    const start = Math.max(from - offset, 0)
    const end = Math.min(to - offset, size)
    if (start < end) {
      const stream: Readable = createReadStream(file, { start, end: end - 1, highWaterMark: 256 * 1024 })
      yield* stream as AsyncIterable<Buffer>
    }
    offset += size
  }
}
