import { type CallName, goesToBlobStore } from './cache-service-calls.js'

/** Bytes to send: a text, or an archive or a range of one, which lies in files. */
export interface Content {
  readonly size: number
  /** Where in the archive it begins. */
  readonly offset: number
  /** Its first `length` bytes. */
  read(length: number): Iterable<Buffer> | AsyncIterable<Buffer>
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Content
}

export function text(status: number, type: string, value: string): Reply {
  const bytes = Buffer.from(value)
  const body = { size: bytes.length, offset: 0, read: (length: number) => [bytes.subarray(0, length)] }
  return { status, headers: { 'content-type': type }, body }
}

export function json(status: number, value: unknown): Reply {
  return text(status, 'application/json', JSON.stringify(value))
}

// https://twitchtv.github.io/twirp/docs/spec_v7.html#error-codes
const twirpCodes: Readonly<Record<number, string>> = {
  400: 'invalid_argument',
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'not_found',
  409: 'already_exists',
  429: 'resource_exhausted',
  500: 'internal',
  503: 'unavailable',
}

// https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
const blobCodes: Readonly<Record<number, string>> = {
  400: 'InvalidInput',
  403: 'AuthenticationFailed',
  404: 'BlobNotFound',
  409: 'BlobImmutableDueToPolicy',
  416: 'InvalidRange',
  500: 'InternalError',
  503: 'ServerBusy',
}

/** An error in the words of the one who is asked: twirp's JSON, v1's JSON, or the blob store's XML. */
export function failure(call: CallName, status: number, message: string): Reply {
  if (goesToBlobStore(call)) return blobFailure(status, message)
  if (/^[a-z]/.test(call)) return json(status, { message, typeKey: `Error${status}Exception`, errorCode: 0 })
  return json(status, { code: twirpCodes[status] ?? 'unknown', msg: message })
}

function blobFailure(status: number, message: string): Reply {
  const code = blobCodes[status] ?? 'UnknownError'
  const xml = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`
  const reply = text(status, 'application/xml', xml)
  return { ...reply, headers: { ...reply.headers, 'x-ms-error-code': code } }
}
