import { createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import type { BlobName } from '../artifact-repository.js'
import type { Reference } from '../metadata/reference.js'
import type { Access } from './authorization.js'
import { ConnectionError } from './http.js'
import { isDigest } from './manifest.js'
import { ask, type ClientContext, refused, writing } from './request.js'
import { beginUpload } from './uploads.js'

/** Where it lies on this machine, and what ends its way there or from there. */
interface BlobFile {
  readonly path: string
  readonly signal: AbortSignal
}

/** Writes a blob into a new file as it comes: memory holds a piece of it. @returns false where there is none */
export async function downloadBlob(
  client: ClientContext,
  access: Access,
  { digest, size }: BlobName,
  { path, signal }: BlobFile,
): Promise<boolean> {
  if (!isDigest(digest)) throw new Error(`${JSON.stringify(digest)} is not a digest`)
  const asked = { method: 'GET', path: `/v2/${access.repository}/blobs/${digest}`, signal } as const
  const into = (pieces: AsyncIterable<Buffer>) =>
    pipeline(upTo(size, pieces, access.registry), createWriteStream(path, { flags: 'wx', mode: 0o600 }))
  const response = await ask(client, access, { ...asked, into })
  if (response.status === 404) return false
  if (response.status !== 200) throw await refused(client, access, response, 'read')
  return true
}

/** Sends a file as it is read. */
export async function uploadFile(
  client: ClientContext,
  into: Reference,
  { digest, size }: BlobName,
  { path, signal }: BlobFile,
): Promise<void> {
  const file = await open(path)
  const stream = file.createReadStream()
  // Told by the request, which ends with it.
  stream.on('error', () => undefined)
  try {
    const access = writing(into)
    const place = await beginUpload(client, into, digest, signal)
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(size) }
    let isSent = false
    const onTry = () => {
      if (isSent) throw new ConnectionError(`${into.registry} asked for another login during an upload`, true)
      isSent = true
    }
    const response = await ask(client, access, { method: 'PUT', path: place, headers, stream, signal }, onTry)
    if (response.status < 200 || response.status > 299) throw await refused(client, access, response, 'write to')
  } finally {
    stream.destroy()
  }
}

async function* upTo(size: number, pieces: AsyncIterable<Buffer>, registry: string): AsyncGenerator<Buffer> {
  let come = 0
  for await (const piece of pieces) {
    come += piece.length
    if (come > size) throw new ConnectionError(`${registry} sent more than the ${size} bytes of a blob`, false)
    yield piece
  }
}
