import type { IncomingHttpHeaders } from 'node:http'

import { failure, type Reply } from './cache-service-replies.js'
import type { StagingOptions, Question } from './cache-service-requests.js'
import { contentOf, type Entry, sizeOf } from './cache-service-store.js'
import { isSigned } from './cache-service-tokens.js'

/**
 * The blob store: as much of Azure's as its client needs for archives.
 * https://learn.microsoft.com/rest/api/storageservices/operations-on-blobs
 */
export async function answerBlob(stagingDir: StagingOptions, question: Question): Promise<Reply> {
  const { call, url, entry } = question
  const reads = call.name === 'GetBlob' || call.name === 'HeadBlob'
  if (!isSigned(stagingDir.secret, url, reads ? 'r' : 'w')) {
    return failure(call.name, 403, 'Server failed to authenticate the request.')
  }
  if (!entry) return failure(call.name, 404, 'The specified blob does not exist.')
  if (reads) return download(question, entry)
  if (entry.createdAt !== undefined) return failure(call.name, 409, 'This archive is complete.')
  return await upload(stagingDir, question, entry)
}

async function upload(stagingDir: StagingOptions, { call, url, bytes }: Question, entry: Entry): Promise<Reply> {
  if (call.name === 'PutBlockList') {
    const ids = await listedBlocks(bytes)
    const blocks = ids.map((id) => entry.pieces.get(id))
    if (blocks.some((block) => block === undefined)) return failure(call.name, 400, 'A listed block was never put.')
    entry.blob = blocks.filter((block) => block !== undefined)
  } else {
    const name = call.name === 'PutBlock' ? (url.searchParams.get('blockid') ?? '') : 'whole'
    await stagingDir.store.addPiece(entry, name, bytes)
    const whole = entry.pieces.get('whole')
    if (whole) entry.blob = [whole]
  }
  return { status: 201, headers: properties(entry) }
}

async function listedBlocks(bytes: AsyncIterable<Buffer>): Promise<string[]> {
  const pieces: Buffer[] = []
  for await (const piece of bytes) pieces.push(piece)
  const xml = Buffer.concat(pieces).toString()
  return [...xml.matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]*)</g)].map(([, id]) => id ?? '')
}

function download({ call, headers }: Question, entry: Entry): Reply {
  const { blob } = entry
  if (blob === undefined) return failure(call.name, 404, 'The specified blob does not exist.')
  const size = sizeOf(blob)
  const whole = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes', ...properties(entry) }
  if (call.name === 'HeadBlob') {
    return { status: 200, headers: { ...whole, 'content-length': String(size), 'x-ms-blob-type': 'BlockBlob' } }
  }
  const [from, to] = soughtRange(entry, headers)
  const body = contentOf(blob, from, to + 1)
  if (rangeHeader(headers) === undefined) return { status: 200, headers: whole, body }
  if (from > to) return failure(call.name, 416, 'The range specified is invalid.')
  return { status: 206, headers: { ...whole, 'content-range': `bytes ${from}-${to}/${size}` }, body }
}

/** The first and the last byte that a download is about. */
export function soughtRange({ blob }: Entry, headers: IncomingHttpHeaders): [number, number] {
  const last = sizeOf(blob ?? []) - 1
  const range = rangeHeader(headers)
  if (!range) return [0, last]
  return [Number(range[1]), range[2] === '' ? last : Math.min(Number(range[2]), last)]
}

/** Azure's client has a header of its own. */
function rangeHeader(headers: IncomingHttpHeaders): RegExpExecArray | undefined {
  return /^bytes=(\d+)-(\d*)$/.exec(String(headers['x-ms-range'] ?? headers.range ?? '')) ?? undefined
}

function properties(entry: Entry): Readonly<Record<string, string>> {
  return {
    etag: `"0x${entry.id.toString(16)}-${sizeOf(entry.blob ?? [])}"`,
    'last-modified': new Date(entry.createdAt ?? Date.now()).toUTCString(),
    'x-ms-request-id': `request-${entry.id}`,
    'x-ms-version': '2025-11-05',
  }
}
